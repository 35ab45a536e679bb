"""Evidence from the searches for learning rates: how the best rate grows with the batch size."""

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, of_estimate
from benchmarks.publish.results import Results
from benchmarks.summary.statistics import LEVEL


def slope(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The slope of log rate on log B of each tuned arm; one search serves all frameworks."""
    laws = results.critical_batch.drop_duplicates(["dataset", "model", "arm"])
    return {
        Place(law["dataset"], law["model"], law["framework"], law["arm"]): _of_law(law, claim)
        for _, law in laws.iterrows()
    }


def _of_law(law: pd.Series, claim: Claim) -> Evidence:
    n = int(law["n_rates"])
    if n < claim.fewest or np.isnan(law["rate_slope"]):
        return lacking(f"{n} of the {claim.fewest} batch sizes up to half of the critical one", n=n)
    half = (law["rate_slope_hi"] - law["rate_slope_lo"]) / 2
    error = half / stats.t.ppf(0.5 + LEVEL / 2, n - 2)
    return of_estimate(law["rate_slope"], error, n - 2, claim.region)._replace(n=n)

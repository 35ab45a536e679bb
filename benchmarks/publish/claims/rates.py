"""Evidence from the searches for learning rates: how the best rate grows with the batch size."""

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, of_estimate
from benchmarks.publish.claims.tuned import searched_for
from benchmarks.publish.results import Results
from benchmarks.summary.statistics import LEVEL, Estimate


def slope(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The slope of log rate on log B of each tuned arm, under the framework that comes first."""
    found = {}
    first = results.trained.drop_duplicates(["dataset", "model", "arm"])[
        ["dataset", "model", "framework", "arm"]
    ]
    for place in map(Place._make, first.itertuples(index=False)):
        rates = results.rates.merge(pd.DataFrame([place]).drop(columns="framework"))
        if len(rates) > 1 and place.arm in searched_for(results, "steps"):
            laws = results.critical_batch.merge(pd.DataFrame([place]))
            found[place] = (
                _of_law(laws.iloc[0], rates, claim) if len(laws) else lacking("no law to tell B_crit")
            )
    return found


def _of_law(law: pd.Series, rates: pd.DataFrame, claim: Claim) -> Evidence:
    n, slope = int(law["n_rates"]), Estimate(*[law["rate_slope"]] * 3)
    if n < claim.fewest or np.isnan(slope.value):
        return lacking(f"{n} of the {claim.fewest} batch sizes up to half of the critical one", n=n)
    behind = rates[rates["batch_size"] <= law["critical_batch"] / 2]
    if behind["at_edge"].any():
        return lacking("a best rate lies at an end of its range", n=n)
    error = (law["rate_slope_hi"] - law["rate_slope_lo"]) / 2 / stats.t.ppf(0.5 + LEVEL / 2, n - 2)
    return of_estimate(slope, (error, error), n - 2, claim.region)._replace(n=n)

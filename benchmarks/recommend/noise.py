"""What the gradient noise scale of one training says of batch sizes that nobody trained with, in words.

How far such answers were off where a study has both is told with each.
"""

import numpy as np

from benchmarks.frameworks import ANALYSED_WITH
from benchmarks.publish import wording
from benchmarks.publish.claims.tuned import searched_for
from benchmarks.publish.noise_scale import Scale, of_plain_sgd, rate_over, scale
from benchmarks.publish.results import Results, of_workload


def measured(known: Results, workload: tuple[str, str]) -> bool:
    """Whether results have the noise scale of a (dataset, model) on the way to its target."""
    rows = of_workload(known.checkpoints, workload).dropna(subset=["noise_scale"])
    return any(scale(known, workload, arm) for arm in rows["arm"].unique())


def errors(studies: list[Results]) -> dict[str, float]:
    """The noise scale over the critical batch size, by study, machine, workload and arm that know both.

    A law whose interval has an end that is open or 0 does not tell it.
    """
    found = {}
    for known in studies:
        laws = known.critical_batch[known.critical_batch["framework"] == ANALYSED_WITH]
        ends = laws[["critical_batch_lo", "critical_batch", "critical_batch_hi"]].astype(float)
        for law in laws[(np.isfinite(ends) & (ends > 0)).all(axis=1)].itertuples():
            workload = (law.dataset, law.model)
            if own := scale(known, workload, law.arm):
                found[_named(known, workload, law.arm)] = own.value / law.critical_batch
    return found


def errors_of_rates(studies: list[Results]) -> dict[str, list[float]]:
    """The rates that it predicts over the tuned ones, from the least to the most, by the same names."""
    found = {}
    for known in studies:
        for arm in of_plain_sgd(known, searched_for(known, "steps")):
            for workload in known.workloads:
                if ratios := _rates_over_tuned(known, workload, arm):
                    found[_named(known, workload, arm)] = ratios
    return found


def _rates_over_tuned(known: Results, workload: tuple[str, str], arm: str) -> list[float]:
    """Those of one arm, from the least to the most. A tuned rate at an end of its range is not known."""
    rates = of_workload(known.rates, workload)
    rates = rates[(rates["arm"] == arm) & (rates["status"] == "reached") & ~rates["at_edge"].astype(bool)]
    tuned, own = rates.set_index("batch_size")["learning_rate"], scale(known, workload, arm)
    if not own or own.batch_size not in tuned:
        return []
    others = tuned.drop(own.batch_size)
    predicted = tuned[own.batch_size] * rate_over(own.value, others.index.to_numpy(float), own.batch_size)
    return sorted(predicted / others)


def _named(known: Results, workload: tuple[str, str], arm: str) -> str:
    """The study, the machine, the workload and the arm, in words."""
    first = known.summary.iloc[0]
    return f"{first['study']} on {first['machine']}, {wording.workload(workload)}, {arm}"


def sentences(known: Results, workload: tuple[str, str], studies: list[Results]) -> list[str]:
    """The answer in words, with how far such answers were off; the results must have it, as by `measured`."""
    found = scale(known, workload)
    told = [
        f"{wording.workload(workload)}, arm {found.arm}: on the way to the target, the gradient noise scale "
        f"of a training with B = {wording.whole(found.batch_size)} is {wording.number(found.value)} "
        f"({wording.number(found.least)} to {wording.number(found.most)} over {found.n} seeds). If it is the "
        f"critical batch size, a training with B = {wording.whole(found.value)} takes twice the fewest steps "
        "and twice the fewest examples: a larger batch saves steps and costs ever more examples."
    ]
    return [*told, *_rate(known, workload, found, studies), _off(errors(studies))]


def _rate(known: Results, workload: tuple[str, str], found: Scale, studies: list[Results]) -> list[str]:
    """The rate that it predicts at the noise scale, from the best one at the batch size of the training.

    How far such rates were off is told with it.

    The formula is that of plain SGD, and takes the best rate; of any other it predicts nothing.
    """
    rates = of_workload(known.rates, workload)
    rates = rates[(rates["arm"] == found.arm) & (rates["batch_size"] == found.batch_size)]
    if rates.empty or found.arm not in of_plain_sgd(known, searched_for(known, "steps")):
        return ["It predicts no learning rate: that takes a tuned arm of plain SGD or of momentum."]
    rate = rates["learning_rate"].iloc[0]
    predicted = rate * rate_over(found.value, found.value, found.batch_size)
    return [
        f"The learning rate that it predicts there is {wording.number(predicted)}, from the best one, "
        f"{wording.number(rate)}, at B = {wording.whole(found.batch_size)}.",
        _off_rates(errors_of_rates(studies)),
    ]


def _off(found: dict[str, float]) -> str:
    """How far the noise scale was from the critical batch size where both are known."""
    if not found:
        return (
            "No study here has both a noise scale and a critical batch size, so that nobody knows how far "
            "off this is: run config/studies/mccandlish-mnist.yaml."
        )
    told = "; ".join(f"{wording.number(ratio)} times ({name})" for name, ratio in found.items())
    return f"Where a study has both, the noise scale was this far from the critical batch size: {told}."


def _off_rates(found: dict[str, list[float]]) -> str:
    """How far predicted learning rates were from tuned ones where both are known."""
    if not found:
        return "No study here has learning rates that it predicts beside tuned ones."
    told = "; ".join(
        f"{wording.number(ratios[0])} to {wording.number(ratios[-1])} times ({name})"
        for name, ratios in found.items()
    )
    return f"At other batch sizes, such rates were this far from the tuned ones: {told}."

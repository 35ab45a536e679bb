"""The searches for learning rates as tables: what each found, and every trial."""

from benchmarks.recipe.search import Candidate
from benchmarks.study.rates import Ended, Tuned
from benchmarks.summary.schema.names import FAILED, NO_RATE


def rates(searches: list[Tuned]) -> list[dict]:
    """The row of each search."""
    return [{**_names(tuned), **_found(tuned)} for tuned in searches]


def trials(searches: list[Tuned]) -> list[dict]:
    """The row of each trial."""
    return [
        {**_names(tuned), **trial.candidate.model_dump(), **trial.model_dump(exclude={"candidate"})}
        for tuned in searches
        if tuned.found
        for trial in tuned.found.trials
    ]


def status(tuned: Tuned) -> str:
    """Whether a candidate of a search reached the target from all of its seeds, be it the best or another."""
    if tuned.found is None:
        return FAILED
    by_candidate: dict[Candidate, list[bool]] = {}
    for trial in tuned.found.trials:
        by_candidate.setdefault(trial.candidate, []).append(trial.ended == Ended.REACHED)
    return "reached" if any(map(all, by_candidate.values())) else NO_RATE


def _names(tuned: Tuned) -> dict:
    return tuned.model_dump(include={"dataset", "model", "arm", "batch_size"})


def _found(tuned: Tuned) -> dict:
    found = tuned.found
    chosen, done = (found.best, found.trials) if found else (tuned.start, [])
    return {
        "searched_with": tuned.framework,
        **chosen.model_dump(),
        "learning_rate_lo": found and found.lowest,
        "learning_rate_hi": found and found.highest,
        "status": status(tuned),
        "steps_to_target": found and found.steps,
        "at_edge": bool(found and found.at_edge),
        "start": tuned.start.learning_rate,
        "n_trials": len(done),
        "examples": tuned.batch_size * sum(trial.steps for trial in done),
        "training_s": sum(trial.training_s for trial in done),
    }

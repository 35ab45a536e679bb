"""The search at one batch size in a process of its own, whose death costs no other."""

from types import ModuleType

from benchmarks.common import process
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks import devices
from benchmarks.recipe.plan import Plan
from benchmarks.recipe.search import Candidate, Search
from benchmarks.study.rates import Found
from benchmarks.tuning.goals import GOALS
from benchmarks.tuning.search import search
from benchmarks.tuning.trial import Trials


def found(
    framework: ModuleType, plan: Plan, data: Dataset, settings: Search, start: Candidate, *, threads: int
) -> tuple[Found | None, str]:
    """What a search finds from a process of its own, or what ended it: nothing and the reason.

    The framework must not have been configured in this process.
    """
    given = (framework, plan, data, settings, start)
    made, exit_code = process.forked(_search, *given, threads=threads)
    return made or (None, f"its process {process.ended(exit_code)}")


def _search(
    framework: ModuleType, plan: Plan, data: Dataset, settings: Search, start: Candidate, *, threads: int
) -> tuple[Found | None, str]:
    devices.configure(framework, threads=threads, device=plan.device, precision=plan.precision)
    try:
        trials = Trials(framework, plan, data, to_the_end=GOALS[settings.goal].to_the_end)

        def later(steps: int) -> int:
            return plan.evaluations.next_after(steps, plan.phases)

        return search(settings, start, trials.run, later), ""
    except Exception as error:  # out of memory, say, of which the trainings will tell
        return None, f"{type(error).__name__}: {error}"[:2000]

"""What is wrong with the keys and values of a study, in words; pydantic finds it."""

import difflib
import reprlib

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from benchmarks.recipe.arm import NUMBER, Arm
from benchmarks.recipe.growth import Growth
from benchmarks.recipe.optimizer import Schedule
from benchmarks.recipe.plan import Budget
from benchmarks.recipe.search import TUNE, Search
from benchmarks.study.study import Study, Target, Throughput, Workload

PARTS = (Study, Workload, Arm, Search, Schedule, Growth, Target, Budget, Throughput)
UNIONS = ("int", "literal['full','auto']", NUMBER, TUNE)
"""Parts of the place of a fault that are no keys: they say which kind of value it was taken for."""
N_NAMED = 5
"""Faults named in one message."""
LONGEST = 120
"""Characters of a value, of its place and of what is wrong with it in a message."""
SHORT = reprlib.Repr()
SHORT.maxlevel, SHORT.maxstring, SHORT.maxother = 3, LONGEST, LONGEST
"""Looks no further into a value than it shows: anchors of YAML make a few lines into billions of values."""
MOST_SEEDS = 20
"""A number for the seeds is taken for their number up to here."""
KEYS = [key for part in PARTS for key in part.model_fields]


def told(error: ValidationError, prefix: str = "") -> str:
    """What is wrong, one line for each fault, with the path of the key."""
    # A missing key is listed last: often it is there, but misspelt.
    faults = sorted(error.errors(), key=lambda fault: fault["type"] == "missing")
    lines = [*dict.fromkeys(f"config: {prefix}{_fault(fault)}" for fault in faults)]
    more = [f"config: and {len(lines) - N_NAMED} more faults"] if len(lines) > N_NAMED else []
    return "\n".join([*lines[:N_NAMED], *more])


def _fault(fault: ErrorDetails) -> str:
    """One fault in one line."""
    where = ".".join(str(part) for part in fault["loc"] if part not in UNIONS)
    if fault["type"] == "missing":
        return f"{where}: missing"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(fault["loc"][-1]), KEYS, n=1)
        message = f"unknown key{f', did you mean {near[0]}?' if near else ''}"
    likely = _likely(fault)
    hint = f", did you mean {likely}?" if likely else ""
    return f"{where[:LONGEST]}: {message[:LONGEST]}{hint} (given: {_shown(fault['input'])})"


def _likely(fault: ErrorDetails) -> str:
    """What was probably meant: a percentage as a share, a number of seeds, or one value as a list; or ""."""
    value = fault["input"]
    if fault["type"] == "less_than_equal" and 1 < value <= 100:
        return f"{value / 100:g}"
    if fault["type"] != "list_type" or not isinstance(value, str | int | float):
        return ""
    is_count = fault["loc"][-1] == "seeds" and isinstance(value, int) and 0 < value <= MOST_SEEDS
    return str([*range(value)]) if is_count else f"[{_shown(value)}]".replace("'", "")


def _shown(value: object) -> str:
    """A value as it was given, cut short."""
    return SHORT.repr(value)[:LONGEST]

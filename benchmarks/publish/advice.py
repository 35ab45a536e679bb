"""A choice of a batch size in words."""

import numpy as np

from benchmarks.publish import wording
from benchmarks.publish.choice import GOALS, Choice
from benchmarks.publish.course import Change

UNITS = {"time": ("s", 1), "examples": ("examples", 1), "accuracy": ("%", 100)}
"""The unit in which each goal is told, and the factor to it."""


def sentences(choice: Choice) -> list[str]:
    """The choice in words."""
    goal = GOALS[choice.goal]
    unit, factor = UNITS[choice.goal]
    ends = (np.nan if end is None else factor * end for end in (choice.lo, choice.hi))
    value = f"{wording.interval(factor * choice.value, *ends)} {unit}"
    as_good = ", ".join(map(wording.whole, choice.as_good))
    at = (
        f"B = {wording.whole(choice.batch_size)} with the learning rate "
        f"{wording.number(choice.learning_rate)}{_settings(choice)} ({choice.arm})"
    )
    taken = (
        f"take {at} for {goal.text}, {value}"
        if choice.supported
        else f"no batch size can be recommended for {goal.text}, since the machine was disturbed at "
        f"{choice.n_disturbed} of {choice.n_cells} cells; the best that was measured is {at}, {value}"
    )
    apart = f"; not told apart from B = {as_good}" if as_good else ""
    told = [f"{wording.name(choice.framework)}: {taken}{apart}."]
    if choice.near_from and choice.goal == "time":
        told.append(
            f"By the law and the speed of the steps, B = {wording.whole(choice.near_from)} to "
            f"{wording.whole(choice.near_to)} would take at most a tenth longer than the best of all."
        )
    told += [_cost(name, found) for name, found in (("Half", choice.half), ("Twice", choice.double)) if found]
    told.append(
        f"The largest batch size that was trained here is B = {wording.whole(choice.largest_trained)}"
        f"{_by_the_line(choice.largest)}. A larger batch is not thereby faster."
    )
    again = [] if choice.supported else ["Run the study again while the machine does nothing else."]
    return [*told, *_doubts(choice), *again]


def briefly(choice: Choice) -> str:
    """What to take, with what makes it doubtful."""
    return " ".join([sentences(choice)[0], *_doubts(choice)])


def _doubts(choice: Choice) -> list[str]:
    return [f"But {doubt}." for doubt in choice.doubts]


def _by_the_line(largest: int | None) -> str:
    """Where memory would be full, if there are as many training examples."""
    if largest is None:
        return ""
    full = f"memory would be full at about B = {wording.rough(largest)}"
    return f", and by the line through the measured peaks, {full}"


def _settings(choice: Choice) -> str:
    """What was searched for besides the learning rate."""
    found = {"momentum": choice.momentum, "weight decay": choice.weight_decay}
    return "".join(f", {name} {wording.number(value)}" for name, value in found.items() if value is not None)


def _cost(name: str, found: Change) -> str:
    memory = "" if found.memory is None else f" and {wording.number(found.memory)} times the memory"
    origin = "by the law and the speed of the steps" if found.by_law else "between the batch sizes measured"
    return (
        f"{name} of it, B = {wording.whole(found.batch_size)}, takes {wording.number(found.time)} times the "
        f"time, {wording.number(found.examples)} times the examples{memory} ({origin})."
    )

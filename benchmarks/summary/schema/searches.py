"""The tables of what was looked for: learning rates, the law through them, and batch sizes that fit."""

from benchmarks.study.rates import Ended
from benchmarks.summary.columns import SHARE, estimate, flag, number, table, text, whole
from benchmarks.summary.schema.names import (
    ARM,
    BATCH_SIZE,
    DATASET,
    FAILED,
    FRAMEWORK,
    MODEL,
    NO_RATE,
    PRECISIONS,
    PURE,
    SCALED,
    STEP_KIND,
)

SETTINGS = [
    number("learning_rate", PURE, "The learning rate.", nullable=False),
    number("momentum", PURE, "The momentum, where it was searched for too."),
    number("weight_decay", PURE, "The weight decay, where it was searched for too."),
]

RATES = table(
    "rates.csv",
    "A row for each workload, batch size and arm whose learning rate was tuned: what the search found.",
    [
        *(DATASET, MODEL, ARM, BATCH_SIZE),
        text("searched_with", "The framework that searched for all."),
        *SETTINGS,
        number(
            "learning_rate_lo",
            PURE,
            "The lowest rate that is as good within one evaluation, or .2 points of accuracy.",
        ),
        number(
            "learning_rate_hi", PURE, "The highest such rate; both lie half a step of the grid further out."
        ),
        text(
            "status",
            "Whether a candidate reached the target from all seeds of the search.",
            one_of=("reached", NO_RATE, FAILED),
        ),
        number(
            "steps_to_target",
            "steps",
            "Steps of the best candidate, from the worst seed of the search: to the target, or of the whole "
            "budget where it looks for accuracy.",
        ),
        flag("at_edge", "Whether the best lies at an end of the range that was asked for, or beyond."),
        number("start", PURE, "The rate that the search started from.", nullable=False),
        whole("n_trials", "trials", "Trainings of the search."),
        whole("examples", "examples", "Training examples of them together."),
        number("training_s", "s", "Seconds of training of them together.", nullable=False),
    ],
    key=["dataset", "model", "arm", "batch_size"],
)

TRIALS = table(
    "trials.csv",
    "A row for each training of a search, in the order in which they were done.",
    [
        *(DATASET, MODEL, ARM, BATCH_SIZE),
        *SETTINGS,
        whole("seed", "", "Seed of the training."),
        text(
            "ended",
            "How it ended; `beaten`: more than one evaluation later than the best one so far.",
            one_of=tuple(each.value for each in Ended),
        ),
        whole(
            "steps", "steps", "Steps after which it ended: at the target, before it, or at its budget's end."
        ),
        number("validation_accuracy", SHARE, "The best that it saw.", nullable=False),
        number("training_s", "s", "Seconds of training.", nullable=False),
    ],
    key=["dataset", "model", "arm", "batch_size", "learning_rate", "momentum", "weight_decay", "seed"],
)

CRITICAL_BATCH = table(
    "critical_batch.csv",
    "A row for each tuned arm of a workload in each framework, where enough batch sizes reach the target: "
    "the law E = E_min (1 + B / B_crit) through the examples to the target, and the slope of the best rates.",
    [
        *(DATASET, MODEL, ARM, FRAMEWORK),
        *estimate("examples_min", "examples", "E_min: the fewest examples, those of a small batch."),
        *estimate("steps_min", "steps", "S_min = E_min / B_crit: the fewest steps, those of a large batch."),
        number("critical_batch", "examples", "B_crit; infinite where the examples do not rise with B."),
        number("critical_batch_lo", "examples", "The lower end of its interval."),
        number("critical_batch_hi", "examples", "The upper end of its interval."),
        number("r_squared", PURE, "R² of the batch sizes that reached the target."),
        whole("n_reached", "cells", "Batch sizes that reached the target."),
        whole("n_censored", "cells", "Batch sizes that did not, which lie above their last example."),
        number(
            "perfect_to",
            "examples",
            "The largest batch size up to which none takes more than 1.25 times the fewest examples.",
        ),
        *estimate(
            "rate_slope",
            PURE,
            "Slope of the logarithm of the best learning rate on that of B, up to B_crit / 2: 1 is the "
            "linear rule, 0.5 that of the square root.",
        ),
        whole("n_rates", "cells", "Batch sizes behind the slope."),
    ],
    key=SCALED,
)

BATCH_SIZES = table(
    "batch_sizes.csv",
    "A row for each trial whether a batch size fits into memory, in the order in which they were made.",
    [
        *(DATASET, MODEL, FRAMEWORK),
        text("precision", "Precision of the trial; certificates are made in float64.", one_of=PRECISIONS),
        *(STEP_KIND, BATCH_SIZE),
        flag("fits", "Whether it fits: a fifth of the memory must stay free."),
        number("peak_memory_mib", "MiB", "What the trial took at most, up to where it was stopped."),
        number("limit_mib", "MiB", "What it might take."),
        text("reason", "Why it does not fit. Empty where it does.", nullable=True),
    ],
    key=["dataset", "model", "framework", "precision", "step_kind", "batch_size"],
)

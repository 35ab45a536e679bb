"""The tables of timings, and of the memory of a step."""

from benchmarks.summary.columns import SHARE, number, table, text, whole
from benchmarks.summary.schema.names import (
    BATCH_SIZE,
    CASE,
    DATASET,
    EXECUTION,
    FITTED,
    FRAMEWORK,
    MODEL,
    STEP_KIND,
    THREADS,
    TIMED,
)

THROUGHPUT = table(
    "throughput.csv",
    "A row for each timed case and timing process.",
    [
        *(DATASET, MODEL, FRAMEWORK, STEP_KIND, EXECUTION, BATCH_SIZE),
        *(THREADS, whole("process", "", "Number of the timing process, from 0.")),
        number("samples_per_s", "examples/s", "Batch size times steps over seconds, of the median round."),
        number("step_ms", "ms", "Median over rounds of the mean time of a step."),
        whole("rounds", "rounds", "Timed rounds.", nullable=True),
        number(
            "steps_per_round",
            "steps",
            "Steps in a round; an epoch counts as its examples over B.",
        ),
        number(
            "start_s",
            "s",
            "Seconds of a call of `fit` before its rounds, which are no part of them; 0 for the fused "
            "execution, whose calls are those of a training.",
        ),
        number("compile_s", "s", "Time to compile. Empty where nothing is compiled ahead of the first step."),
        number("first_step_s", "s", "Time of the first step."),
        number("input_share", SHARE, "Time to read the input alone over the time of the whole round."),
        whole(
            "flops_per_example",
            "operations",
            "Floating-point operations of a forward and a backward pass for an example.",
            nullable=True,
        ),
        number(
            "peak_share",
            SHARE,
            "Operations in a second over those of the fastest matrix product that this process could do. "
            "Empty in mixed precision on a CPU.",
        ),
        text("disturbed", "What disturbed the machine meanwhile. Empty where it was quiet.", nullable=True),
        text("status", "Whether it could be timed, or why not.", one_of=TIMED),
    ],
    key=[*CASE, "execution", "process"],
)

MEMORY_FIT = table(
    "memory_fit.csv",
    "A row for each line a + b B through the measured peaks of memory; three batch sizes are the fewest.",
    [
        *(DATASET, MODEL, FRAMEWORK, STEP_KIND),
        number("a_mib", "MiB", "Memory at B = 0, extrapolated.", nullable=False),
        number("b_mib_per_example", "MiB/example", "Memory of one more example in a batch.", nullable=False),
        number("residual_share", SHARE, "Largest residual over the fitted memory.", nullable=False),
        number("capacity_mib", "MiB", "Memory of the device; empty where its driver does not tell."),
        whole(
            "largest_batch",
            "examples",
            "Batch size at which the line meets the capacity. Empty where memory does not grow, or where a "
            "measured peak lies more than 5 % from the line.",
            nullable=True,
        ),
        whole("n_points", "cells", "Measured peaks behind the line."),
    ],
    key=FITTED,
)

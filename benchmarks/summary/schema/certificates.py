"""The tables of certificates, and of tests of equivalence."""

from benchmarks.summary.columns import by_name, flag, number, table, text, whole
from benchmarks.summary.schema.names import (
    ARM,
    BATCH_SIZE,
    DATASET,
    EXECUTION,
    FRAMEWORK,
    MODEL,
)

CERTIFICATES = table(
    "identity.json, certificates",
    "A row for each trace of a framework held to the reference, NumPy with gradients written by hand.",
    [
        *(DATASET, MODEL, ARM, FRAMEWORK, EXECUTION),
        text("reference", "Framework and execution of the reference."),
        flag("certified", "Whether every relative difference is within the bound."),
        flag("statistical", "Whether the framework draws random numbers of its own in this arm."),
        text("verdict", "`certified`, `statistical`, or `not certified:` and the reason."),
        text("differs_by", "The reason: the part of the training that differs.", nullable=True),
        text("first_difference", "The first array beyond the bound, in causal order.", nullable=True),
        number("largest_difference", "relative", "The largest. Empty where arrays cannot be compared."),
        by_name("differences", "relative", "Largest difference of each stage of the training."),
        whole(
            "float32_parts_at_step",
            "step",
            "First step, from 1, whose loss in float32 is too far from the reference (in mixed precision the "
            "one in float32). Empty where none is.",
            nullable=True,
        ),
        by_name(
            "float32_differences",
            "relative",
            "Largest difference of float32 from the reference in float64, by stage: up to the first step, "
            "and in what is judged of later ones. In mixed precision from the reference in float32, and of "
            "arrays as a share of what rounding does.",
        ),
        flag("float32_repeats", "Whether the same steps in float32, taken twice, give the same bits."),
        text(
            "conditions",
            "Digests of what the certificate holds for, between spaces; a run with another is not certified.",
        ),
    ],
    key=["dataset", "model", "arm", "framework", "execution"],
)

EQUIVALENCE = table(
    "identity.json, equivalence",
    "A row for each cell, pair of frameworks and quantity: two one-sided tests over the seeds.",
    [
        *(DATASET, MODEL, ARM, BATCH_SIZE, FRAMEWORK),
        text("other", "The framework that it is compared with."),
        text(
            "same_as",
            "The arm listed before that is the same training at this batch size: the row repeats that of the "
            "other arm, and is not counted.",
            nullable=True,
        ),
        text("quantity", "What is compared.", one_of=("test_accuracy", "epochs_to_target")),
        whole("n", "seeds", "Pairs of runs."),
        whole("n_one_alone", "seeds", "Seeds for which one framework alone reached the target or broke off."),
        number(
            "estimate",
            "points, ratio",
            "Of `framework` against `other`: the mean difference of the test accuracy in percentage points; "
            "the geometric mean ratio of the epochs to the target.",
        ),
        number("lo", "points, ratio", "The lower end of its 90 % interval. Empty where it is not testable."),
        number("hi", "points, ratio", "The upper end of its 90 % interval. Empty where it is not testable."),
        number("margin_lo", "points, ratio", "The lower margin of equivalence.", nullable=False),
        number("margin_hi", "points, ratio", "The upper margin of equivalence.", nullable=False),
        number("p", "", "The larger p value of the two tests. Empty where it is not testable."),
        text("verdict", "The outcome.", one_of=("equivalent", "not shown", "not testable")),
        text(
            "reason",
            "What a reader should know of the verdict; of `not testable` first why, in short, up to a colon.",
            nullable=True,
        ),
    ],
    key=["dataset", "model", "arm", "batch_size", "framework", "other", "quantity"],
)

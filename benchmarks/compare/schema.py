"""The schema of a comparison: its two tables, whose columns are those of a summary where it has them."""

from pandera.pandas import Column

from benchmarks.summary.columns import SHARE, number, table, text
from benchmarks.summary.schema import SUMMARY
from benchmarks.summary.schema.names import BATCH_SIZE, CELL, NAMES, STEP_KIND

TRAINING = ["dataset", "model", "arm", "target", "training"]
"""What a training is. Studies may give one name to different targets or settings: these tell them apart."""
KEY = [*CELL, "target", "training"]
"""A cell, whichever study and machine it was measured in."""

TARGET = number("target", SHARE, "The validation accuracy that the run trains to.", nullable=False)
SETTINGS = text("training", "All settings of the training.")
PREDICTED = [
    SUMMARY.columns["time_to_target_predicted_s"],
    text(
        "examples_from",
        "The machines whose median `examples_to_target` the prediction takes; others wherever there are any.",
        nullable=True,
    ),
    number("error", "ratio", "Predicted over measured time to target, less 1."),
]


def _of_summary(*names: str) -> list[Column]:
    return [SUMMARY.columns[name] for name in names]


COMPARE = table(
    "results/compare/compare.csv",
    "A row for each machine and cell, from all results that were found.",
    [
        *_of_summary("machine", "study"),
        text("finished", "When the last training of that study ended (ISO 8601, UTC).", nullable=True),
        text("taken_from", "The results folder of that study."),
        *(*NAMES, BATCH_SIZE, TARGET, SETTINGS, STEP_KIND),
        text("precision", "Floating-point type of the training.", one_of=("float32", "float64")),
        *_of_summary("n_runs", "n_reached", "status"),
        text(
            "throughput_status",
            "Whether the fused case could be timed, or why not. Empty where it was not tried.",
            nullable=True,
        ),
        *_of_summary(*(f"throughput_samples_per_s{end}" for end in ("", "_lo", "_hi"))),
        *_of_summary(*(f"time_to_target_s{end}" for end in ("", "_lo", "_hi"))),
        *_of_summary("peak_memory_mib", "device_memory_mib", "examples_to_target", "identity", "disturbed"),
        *PREDICTED,
    ],
    key=["machine", *KEY],
)

PREDICTIONS = table(
    "results/compare/predictions.csv",
    "A row for each machine and cell whose time to target can be predicted.",
    [
        *(SUMMARY.columns["machine"], *NAMES, BATCH_SIZE, TARGET, SETTINGS, SUMMARY.columns["status"]),
        PREDICTED[1],
        number("examples_to_target", "examples", "Their median, which the prediction takes.", nullable=False),
        *_of_summary("throughput_samples_per_s", "time_to_target_predicted_s"),
        *(SUMMARY.columns["time_to_target_s"], PREDICTED[2]),
    ],
    key=["machine", *KEY],
)

TABLES = [COMPARE, PREDICTIONS]

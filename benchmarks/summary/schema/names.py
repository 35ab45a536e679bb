"""What the tables of results share: the names of what was measured, and how it ended."""

from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.summary.columns import text, whole
from benchmarks.training.record import Status

CELL = ["dataset", "model", "framework", "arm", "batch_size"]
"""A cell of a study."""
CASE = ["dataset", "model", "framework", "step_kind", "batch_size"]
"""What is timed once for all arms of one step kind."""
FITTED = ["dataset", "model", "framework", "step_kind"]
SCALED = ["dataset", "model", "arm", "framework"]
PURE, FAILED, OUT_OF_MEMORY = "pure number", "failed", "out-of-memory"
BROKEN = (FAILED, OUT_OF_MEMORY)
UNTRAINED, MEASURED = "untrained", "measured"
NO_RATE = "no-rate-reached"
"""The status of a cell that missed its target, as every learning rate did that was tried for it."""
PRECISIONS = ("float64", "float32")
ENDED, DIVERGED = tuple(status.value for status in Status), Status.DIVERGED.value
TIMED = (MEASURED, OUT_OF_MEMORY, FAILED)
DATASET = text("dataset", "The data set.")
MODEL = text("model", "The model.")
FRAMEWORK = text("framework", "The framework.")
ARM = text("arm", "The named set of training settings.")
STEP_KIND = text("step_kind", "What the time and the memory of a step depend on of its arm.")
BATCH_SIZE = whole("batch_size", "examples", "Examples in a batch.")
THREADS = whole("threads", "threads", "CPU threads that the framework computed with.", nullable=True)
NAMES = [DATASET, MODEL, FRAMEWORK, ARM]
EXECUTION = text(
    "execution",
    "The training loop: the one a user of the framework would write, or the fastest one that computes the "
    "same numbers.",
    one_of=EXECUTIONS,
)

"""The tables of what was measured inside a training."""

from benchmarks.summary.columns import SHARE, estimate, number, table, text, whole
from benchmarks.summary.schema.names import (
    ARM,
    BATCH_SIZE,
    DATASET,
    MODEL,
    PURE,
    TIMED,
)

CHECKPOINTS = table(
    "checkpoints.csv",
    "A row for each checkpoint of a training, with what was measured there; empty where it was not.",
    [
        *(DATASET, MODEL, ARM, BATCH_SIZE),
        whole("seed", "", "Seed of the training."),
        whole("steps", "steps", "Steps before the checkpoint."),
        whole("examples", "examples", "Examples before it."),
        number("epochs", "epochs", "`examples` over the training examples.", nullable=False),
        text(
            "roles",
            "What makes it a checkpoint: `start`, `path` (after the first, second, fourth, … evaluation), "
            "`target`, `matched` (the first evaluation at which the loss over 5,000 training examples was "
            "down to `matched_loss`), `best` on the validation set, `end`.",
        ),
        text(
            "status",
            "Whether the training could be measured; its log and `analysis/` say why not.",
            one_of=TIMED,
        ),
        number("training_loss", "nats", "The mean loss over the training set, in evaluation mode."),
        number(
            "loss_spread",
            "nats",
            "The standard deviation of the losses of the 32 steps before, around a straight line.",
        ),
        number("distance", PURE, "How far the parameters are from those at the start, |θ − θ₀|."),
        number("squared_gradient", PURE, "|G|² of the whole training set."),
        number("gradient_variance", PURE, "tr Σ of single examples."),
        *estimate(
            "noise_scale", "examples", "B_simple = tr Σ / |G|², from the gradients of single examples."
        ),
        *estimate("noise_scale_of_batches", "examples", "B_simple, from gradients of two batch sizes."),
        *estimate(
            "curved_noise_scale",
            "examples",
            "B_noise = tr(HΣ) / GᵀHG, with the Hessian H over 5,000 training examples.",
        ),
        *estimate(
            "branched_batch",
            "examples",
            "The critical batch size by branching: the largest one, of doublings of `batch_size`, up to "
            "which at least half as much progress is made with the same examples, half an epoch of them, at "
            "a rate that grows linearly with the batch size or with its square root. Infinite where the "
            "largest that was tried still makes it; the upper end where none surely makes less.",
        ),
        number(
            "largest_eigenvalue",
            PURE,
            "The largest eigenvalue of the Hessian of the loss over 5,000 training examples, the same ones "
            "in every training, or over all where there are fewer.",
        ),
        *estimate(
            "hessian_trace",
            PURE,
            "The trace of that Hessian. The interval is that of the random vectors that it is estimated "
            "with; it says nothing of other examples.",
        ),
        number("sharpness", PURE, "φ of Keskar et al. (2016), for ε = 0.001 in the whole space."),
        number("sharpness_half", PURE, "The same for ε = 0.0005."),
        number("sharpness_subspace", PURE, "The same for ε = 0.001 in 100 random directions."),
        number(
            "width",
            PURE,
            "How far along filter-normalised directions (Li et al. 2018) the loss has risen by 0.1, as a "
            "part of the length of the weights.",
        ),
    ],
    key=["dataset", "model", "arm", "batch_size", "seed", "steps"],
)

INTERPOLATION = table(
    "interpolation.csv",
    "A row for each place on the straight line between the solutions of two batch sizes at the end of their "
    "budgets, of a study with the analysis `interpolation`.",
    [
        *(DATASET, MODEL, ARM, BATCH_SIZE),
        whole("from_batch_size", "examples", "The batch size whose solution lies at place 0."),
        whole("seed", "", "Seed of both trainings."),
        number("place", PURE, "Where on the line: the solution of `batch_size` lies at 1.", nullable=False),
        number("training_loss", "nats", "The mean loss over 5,000 training examples. Empty where infinite."),
        number("validation_accuracy", SHARE, "The accuracy on the validation set. Empty where infinite."),
        number(
            "agreement",
            SHARE,
            "The part of the validation set for which the same class is predicted as at place 0.",
        ),
    ],
    key=["dataset", "model", "arm", "batch_size", "seed", "place"],
)

LANDSCAPE = table(
    "landscape.csv",
    "A row for each place on a plane through the solution of a training, of a study with the analysis "
    "`landscape`. The solution is the matched checkpoint, or the end where the study matches none.",
    [
        *(DATASET, MODEL, ARM, BATCH_SIZE),
        whole("seed", "", "Seed of the training."),
        number("x", PURE, "How far along the first direction, in lengths of the weights.", nullable=False),
        number("y", PURE, "How far along the second one.", nullable=False),
        number("training_loss", "nats", "The mean loss over 5,000 training examples. Empty where infinite."),
    ],
    key=["dataset", "model", "arm", "batch_size", "seed", "x", "y"],
)

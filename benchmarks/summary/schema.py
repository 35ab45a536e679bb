"""The schema of results: every table, every column, its type, unit and meaning, and which columns are keys.

All that writes or reads a table of results takes its columns from here, and `docs/columns.md` is printed
from here; the tables of a comparison are in `compare.schema`. `throughput` and `identity` lie below this
package: what they write of a timing, a certificate or a test is a type there (`Timing`, `Certificate`,
`Equivalence`), and the tests hold its fields to the columns here. The digest of the code behind a measurement
so does not change with a sentence about a column.
"""

from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.study.rates import Ended
from benchmarks.summary.columns import SHARE, by_name, estimate, flag, number, table, text, whole
from benchmarks.training.record import Status

VERSION = 5
"""Of all tables together; `provenance.json` holds it. Results that do not tell theirs have the first."""
CELL = ["dataset", "model", "framework", "arm", "batch_size"]
"""A cell of a study."""
CASE = ["dataset", "model", "framework", "step_kind", "batch_size"]
"""What is timed once for all arms of one step kind."""
FITTED = ["dataset", "model", "framework", "step_kind"]

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

SUMMARY = table(
    "summary.csv",
    "A row for each cell of the study. A further measurement of a training has its column behind these.",
    [
        text("study", "The name of the study."),
        text("machine", "The name of the machine."),
        *(*NAMES, STEP_KIND, BATCH_SIZE, THREADS),
        whole("n_runs", "runs", "Runs of the cell, one for each seed; 0 where it was only timed."),
        whole("n_reached", "runs", "Runs that reached the target."),
        text(
            "status",
            "How the median run ended; where that is not `reached`, the most frequent failure.",
            one_of=(*ENDED, UNTRAINED, NO_RATE),
        ),
        number(
            "learning_rate", PURE, "The learning rate, of a schedule its peak. Empty where none was trained."
        ),
        *estimate(
            "throughput_samples_per_s",
            "examples/s",
            "Training speed in the fused execution: the geometric mean over timing processes, with its 95 % "
            "interval (Student's t, of the logarithms).",
        ),
        *estimate(
            "throughput_idiomatic_samples_per_s",
            "examples/s",
            "Training speed in the idiomatic execution, likewise.",
        ),
        *estimate(
            "training_samples_per_s",
            "examples/s",
            "Speed of the trainings themselves: all examples of a run over its seconds of training, the "
            "geometric mean over runs, with its 95 % interval (Student's t, of the logarithms).",
        ),
        number(
            "training_over_calls",
            "ratio",
            "Speed of a run over that of the same calls of its trainer with nothing between them, timed just "
            "before and just after it, whose geometric mean counts: the geometric mean over runs. 1 where a "
            "run keeps what is timed.",
        ),
        number(
            "training_over_throughput",
            "ratio",
            "`training_samples_per_s` over `throughput_samples_per_s`, which other processes timed "
            "at another time, when the machine may have been faster or slower.",
        ),
        number(
            "step_ms",
            "ms",
            "Time of a fused step: the median over the rounds of a process, of the mean in a round; of that, "
            "the median over processes.",
        ),
        number(
            "flops_per_example",
            "operations",
            "Floating-point operations of a forward and a backward pass for an example, counted from the "
            "layers: matrix products and convolutions alone.",
        ),
        number(
            "peak_share",
            SHARE,
            "Operations of a fused step in a second over those of the fastest matrix product that the same "
            "process could do; the median over processes. Empty in mixed precision on a CPU.",
        ),
        number(
            "compile_s",
            "s",
            "Time to compile the fused step; the median over processes. Empty where nothing is compiled.",
        ),
        number("first_step_s", "s", "Time of the first fused step; the median over processes."),
        number(
            "input_share",
            SHARE,
            "Time to read the input alone over the time of a whole fused step; the median over processes.",
        ),
        number("input_share_idiomatic", SHARE, "The same share in the idiomatic execution."),
        *estimate(
            "peak_memory_mib",
            "MiB",
            "Peak memory of training: what the framework takes of a GPU; on a CPU the peak of the "
            "process above what it held after a tiny model was trained. The median over runs, with their "
            "range.",
        ),
        number("device_memory_mib", "MiB", "On a GPU, what its driver counts for the process."),
        *estimate(
            "epochs_to_target",
            "epochs",
            "Epochs until the validation accuracy is first seen to reach the target: the median over runs, "
            "with its 95 % bootstrap interval, which for fewer than five runs is no more than their range. A "
            "run that did not reach it within its budget of seconds counts as infinity.",
        ),
        number("examples_to_target", "examples", "`epochs_to_target` in training examples."),
        number("steps_to_target", "steps", "Steps to the target: the median over the runs."),
        number(
            "epochs_resolution",
            "epochs",
            "Epochs between the evaluation that saw the target reached and the one before: the median over "
            "the runs that reached it. The target was reached somewhere in between.",
        ),
        *estimate(
            "time_to_target_s",
            "s",
            "Measured seconds of training until the target is reached, evaluation left out: the median over "
            "runs, with its 95 % bootstrap interval, which for fewer than five runs is no more than their "
            "range.",
        ),
        number(
            "start_s",
            "s",
            "Seconds that a run takes before its first step, which `time_to_target_s` leaves out: import of "
            "the framework, compilation and a step of a tiny model, compilation and first step; the median "
            "over runs.",
        ),
        number("time_to_target_predicted_s", "s", "`examples_to_target` over `throughput_samples_per_s`."),
        number("time_ratio", "ratio", "Predicted over measured time to target."),
        number(
            "evaluation_share",
            SHARE,
            "Seconds of evaluation over those of training and evaluation: the median over runs.",
        ),
        number("epochs_trained", "epochs", "Length of the run that ended first."),
        number(
            "test_accuracy", SHARE, "Mean test accuracy over runs, each at its best validation evaluation."
        ),
        number("test_accuracy_sd", SHARE, "Its sample standard deviation over runs."),
        number(
            "train_accuracy", SHARE, "Mean accuracy on training examples over runs, each at the same point."
        ),
        text(
            "identity",
            "Verdict of the certificates: `certified`, `statistical`, or `not certified:` and the reason.",
        ),
        text(
            "disturbed",
            "What disturbed the machine during the runs of the cell or its timings in the fused execution: "
            "how many, and the gravest sign. Empty where it was quiet, and where five timings were, since "
            "the others are left out then.",
            nullable=True,
        ),
    ],
    key=CELL,
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

CURVES = table(
    "curves.csv",
    "A row for each evaluation of each run: the learning curves.",
    [
        *(*NAMES, BATCH_SIZE),
        whole("seed", "", "Seed of the run."),
        text("status", "How the run ended.", one_of=ENDED),
        whole("examples", "examples", "Training examples seen so far."),
        number("epochs", "epochs", "`examples` over the number of training examples.", nullable=False),
        number("training_s", "s", "Training time so far, evaluation left out.", nullable=False),
        number("train_loss", "nats", "Mean loss of the steps since the evaluation before."),
        number("validation_loss", "nats", "Mean loss over the validation examples."),
        number("validation_accuracy", SHARE, "Accuracy on the validation examples.", nullable=False),
    ],
    key=[*CELL, "seed", "examples"],
)

RUNS = table(
    "runs.csv",
    "A row for each run: what the intervals and the verdicts on claims are computed from.",
    [
        *(*NAMES, BATCH_SIZE),
        whole("seed", "", "Seed of the run."),
        text("status", "How the run ended.", one_of=ENDED),
        number("examples", "examples", "Training examples of the whole run.", nullable=False),
        number("examples_to_target", "examples", "Those until the target. Empty where it was not reached."),
        number("examples_resolution", "examples", "Those since the evaluation before that one."),
        number("time_to_target_s", "s", "Seconds of training until the target."),
        number("training_samples_per_s", "examples/s", "Training examples over seconds of training."),
        number("peak_memory_mib", "MiB", "Peak memory of the run."),
        number("validation_accuracy", SHARE, "The best that it saw."),
        number("test_accuracy", SHARE, "The test accuracy at that evaluation."),
        number("train_accuracy", SHARE, "The accuracy on training examples there."),
        text("disturbed", "What disturbed the machine meanwhile. Empty where it was quiet.", nullable=True),
    ],
    key=[*CELL, "seed"],
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
        whole("steps", "steps", "Steps to the target, or after which it ended."),
        number("validation_accuracy", SHARE, "The best that it saw.", nullable=False),
        number("training_s", "s", "Seconds of training.", nullable=False),
    ],
    key=["dataset", "model", "arm", "batch_size", "learning_rate", "momentum", "weight_decay", "seed"],
)

SCALED = ["dataset", "model", "arm", "framework"]
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

TARGETS = table(
    "targets.csv",
    "A row for each workload: the target of its runs and their budget.",
    [
        *(DATASET, MODEL),
        number("validation_accuracy", SHARE, "The target.", nullable=False),
        text("source", "Where the target comes from."),
        whole("n_training", "examples", "Training examples."),
        number(
            "epochs",
            "epochs",
            "Epochs after which a run ends, if its steps are used up too.",
            nullable=False,
        ),
        whole("steps", "steps", "Steps after which a run ends, if its epochs are used up too."),
        number("seconds", "s", "Seconds of training after which a run ends.", nullable=False),
    ],
    key=["dataset", "model"],
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
            "Largest difference of float32 from the reference in float64, by stage, up to the first step. In "
            "mixed precision from the reference in float32, and of arrays as a share of what rounding does.",
        ),
        flag("float32_repeats", "Whether the same steps in float32, taken twice, give the same bits."),
        text("conditions", "Digest of what the certificate holds for; a run with another is not certified."),
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

OF_A_STUDY = [SUMMARY, THROUGHPUT, RUNS, CURVES, TARGETS, MEMORY_FIT]
"""The files of tables in the results folder of a study."""
OF_TUNING = [RATES, TRIALS, CRITICAL_BATCH]
"""Those that only a study with tuned arms has."""
OF_AUTO = [BATCH_SIZES]
"""Those that only a study with `batch_sizes: auto` has."""
OF_ANALYSES = [CHECKPOINTS, INTERPOLATION, LANDSCAPE]
"""Those that only a study with `analyses` has."""
OF_SOME = [*OF_TUNING, *OF_AUTO, *OF_ANALYSES]
TABLES = [*OF_A_STUDY, *OF_SOME, CERTIFICATES, EQUIVALENCE]

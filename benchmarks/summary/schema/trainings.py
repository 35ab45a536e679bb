"""The tables of trainings: of every cell, run and evaluation, and the targets."""

from benchmarks.summary.columns import SHARE, estimate, number, table, text, whole
from benchmarks.summary.schema.names import (
    BATCH_SIZE,
    CELL,
    DATASET,
    ENDED,
    MODEL,
    NAMES,
    NO_RATE,
    PURE,
    STEP_KIND,
    THREADS,
    UNTRAINED,
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

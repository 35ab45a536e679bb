"""The study of this run, and the functions that the rules use."""

import hashlib
import signal
import sys
from pathlib import Path

from snakemake.logging import logger

sys.path.insert(0, str(workflow.basedir))

from benchmarks import analysis, datasets, frameworks
from benchmarks.analysis import record
from benchmarks.common import files, guard, machine, process, seals
from benchmarks.common.errors import exit_with_message
from benchmarks.common.provenance import code_digest
from benchmarks.frameworks import devices
from benchmarks.identity import auto, subjects
from benchmarks.study import arguments, batch_sizes, check, left_out, preview
from benchmarks.study import study as studies
from benchmarks.training import view

# All output of a long job goes to its log; only its lines of progress are shown on the terminal.
SHOWN = "sed -nu 's/^progress: //p' >&2"

process.prefer_this_interpreter(Path(workflow.basedir))
# A run in the background of a script ignores SIGINT; without this, Ctrl-C would have no effect until the
# first job starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

with exit_with_message():
    if not workflow.overwrite_configfiles:
        arguments.check(sys.argv)
    files.check_writable(Path("results"))
    for path in workflow.overwrite_configfiles or workflow.configfiles:
        # It refuses what Snakemake takes silently, such as a key named twice.
        check.load(Path(path))
    STUDY = check.read(config)

STORE = "results/store"
# On a cluster, Snakemake has no number of cores of its own.
CORES = workflow.cores or 1
MACHINE = STUDY.machine or machine.slug(STUDY.device)
RESULTS = f"results/{STUDY.study}/{MACHINE}"
FOUND = Path(RESULTS) / batch_sizes.NAME
BATCH_SIZES = [str(FOUND)] if STUDY.is_auto else []


def check_devices():
    """Refuse a study whose frameworks compute on different devices, or in bfloat16 where there is none."""
    devices.ensure_same(
        STUDY.frameworks,
        STUDY.device,
        Path(RESULTS) / "devices.json",
        # The jobs of a cluster ask their own node.
        bfloat16=STUDY.multiplies_in_bfloat16 and workflow.local_exec,
    )


# A job, even on another node of a cluster, takes the batch sizes that its workflow has found.
if (
    workflow.is_main_process
    and arguments.runs_jobs(sys.argv)
    and not files.is_in_use(Path("results"))
):
    with exit_with_message():
        if STUDY.is_auto:
            check_devices()
        for cause in auto.find(STUDY, Path(RESULTS), cores=CORES):
            logger.warning(f"{cause}; it is set aside and made again")
# Without trials, what is only shown has all batch sizes that there may be.
if FOUND.exists() or arguments.runs_jobs(sys.argv):
    with exit_with_message():
        STUDY = auto.resolved(STUDY, Path(RESULTS))
REPLICATES = {each.name: each for each in studies.replicates(STUDY)}
# Data sets by their name in results: the name in the study, or the path of the user's own data.
SOURCES = {workload.slug: workload.dataset for workload in STUDY.workloads}
# The files of data sets, by their names; folders of one name in two places have two files.
SOURCE_OF_FILE = {datasets.file_name(source): source for source in SOURCES.values()}
DATA = expand("results/datasets/{file}.npz", file=SOURCE_OF_FILE)
CARDS = expand("results/datasets/{file}.json", file=SOURCE_OF_FILE)
# Each changes when the user's own data changes. Jobs depend on them and not on the times of the files, so that a
# data set that was deleted and obtained anew, the same as before, repeats nothing.
FINGERPRINTS = {
    file: datasets.fingerprint(source) for file, source in SOURCE_OF_FILE.items()
}
if not files.is_in_use(Path("results")):
    for cause in [
        *view.set_aside_unusable(Path(RESULTS), REPLICATES),
        *seals.set_aside_broken(map(Path, [*DATA, *CARDS])),
        *seals.set_aside_broken(seals.sealed(Path(RESULTS))),
    ]:
        logger.warning(f"{cause}; it is set aside and made again")
    with exit_with_message():
        for file, source in SOURCE_OF_FILE.items():
            path = Path(f"results/datasets/{file}.npz")
            for cause in datasets.remove_outdated(path, source):
                logger.warning(f"{cause}; they are read again")
# Without a GPU, traces run in parallel. On a cluster, a job may have a GPU that this process does not see.
GPUS_OF_A_TRACE = 1 if machine.gpus() or not workflow.local_exec else 0


def gpus_of_trace(wildcards):
    """GPUs that a trace needs: NumPy's, which takes longest, leaves them to the others."""
    return 0 if wildcards.framework == "numpy" else GPUS_OF_A_TRACE


TUNED = [f"{RESULTS}/tuned.json"] if STUDY.tunes else []
TRACES = subjects.files(STUDY.frameworks)
ANALYSES = [str(record.path(Path(RESULTS), name)) for name in STUDY.analysed]


wildcard_constraints:
    dataset="[a-z0-9_-]+",
    file="[a-z0-9_-]+",
    model="[a-z0-9_]+",
    framework="[a-z0-9-]+",
    seed="[0-9]+",


# These are functions, since Snakemake takes braces in the text of a parameter for wildcards.
def study_json(wildcards):
    """The study, as JSON."""
    return STUDY.model_dump_json()


def certified_json(wildcards):
    """The study with a learning rate in every arm: what is certified holds at all of them."""
    return studies.without_analyses(studies.at_start(STUDY)).model_dump_json()


def tuned_json(wildcards):
    """The part of the study that the searches for learning rates depend on."""
    return studies.for_tuning(STUDY).model_dump_json()


def timed_json(wildcards):
    """The part of the study that timings depend on: changes of seeds, targets or budgets repeat no timing."""
    return studies.for_timing(STUDY).model_dump_json()


def traced_json(wildcards):
    """The part of the study that traces depend on."""
    return studies.for_tracing(STUDY).model_dump_json()


def replicate_of(wildcards):
    """The runs of one seed, as JSON."""
    return REPLICATES["/".join(wildcards)].model_dump_json()


def analysed_replicate(wildcards):
    """The runs of one seed that are measured from the inside, as JSON."""
    names = wildcards.dataset, wildcards.model, frameworks.ANALYSED_WITH, wildcards.seed
    return REPLICATES["/".join(names)].model_dump_json()


def matched_loss(wildcards):
    """The option of the training loss that a workload is compared at; empty without one."""
    of = {(each.slug, each.model): each.matched_loss for each in STUDY.workloads}
    loss = of[wildcards.dataset, wildcards.model]
    return "" if loss is None else f"--matched-loss {loss!r}"


def results_folder(wildcards, input):
    """The folder of this study and machine, from the path of an input in it."""
    return str(Path(input[0]).parent)


def code_of_training(wildcards):
    """Digest of the code on which the records of a replicate depend."""
    return code_digest(
        "benchmarks.training.job",
        datasets.module_name(SOURCES[wildcards.dataset]),
        f"benchmarks.models.{wildcards.model}",
        frameworks.module_name(wildcards.framework),
    )


def code_of_analysis(wildcards):
    """Digest of the code on which what is measured from the inside depends."""
    return code_digest(
        "benchmarks.analysis.job",
        *map(analysis.module_name, STUDY.analyses),
        datasets.module_name(SOURCES[wildcards.dataset]),
        f"benchmarks.models.{wildcards.model}",
        frameworks.module_name(frameworks.ANALYSED_WITH),
    )


def code_of_frameworks(*modules):
    """Digest of these modules and of every framework, data set and model of the study."""
    plugins = [frameworks.module_name(name) for name in STUDY.frameworks]
    plugins += [datasets.module_name(source) for source in SOURCES.values()]
    plugins += [f"benchmarks.models.{workload.model}" for workload in STUDY.workloads]
    return code_digest(*sorted({*modules, *plugins}))


def code_of_trace(wildcards):
    """Digest of the code on which the traces of a framework depend."""
    return code_digest(
        "benchmarks.identity.traces",
        frameworks.module_name(wildcards.framework),
        *sorted(datasets.module_name(source) for source in SOURCES.values()),
        *sorted({f"benchmarks.models.{w.model}" for w in STUDY.workloads}),
    )


def use_of_trace(wildcards):
    """The option that says of what use a trace is, where its framework is not one of the study."""
    return "" if wildcards.framework in STUDY.frameworks else "--reference"


def data_of(wildcards):
    """The file of the data set of a training."""
    return ancient(
        f"results/datasets/{datasets.file_name(SOURCES[wildcards.dataset])}.npz"
    )


def traces_folder(wildcards, input):
    """The folder of all traces, from the path of one of them."""
    return str(Path(input[0]).parent.parent)


def study_folder(wildcards, output):
    """The folder of this study and machine, from the path of an output in it."""
    return str(Path(output[0]).parent)


def digest_of_results(wildcards):
    """SHA-256 (hex) of all summaries, so that a new or changed one repeats the comparison."""
    summaries = sorted(
        [
            *Path("results").glob("*/*/summary.csv"),
            *Path("results/published").glob("*/*/summary.csv"),
        ]
    )
    content = b"".join(str(path).encode() + path.read_bytes() for path in summaries)
    return hashlib.sha256(content).hexdigest()


onstart:
    logger.info(f"study {STUDY.study}: {preview.effort(STUDY).duration}")
    lost = left_out.left_out(STUDY, Path(RESULTS))
    if lost:
        logger.warning(
            f"{RESULTS} has results that this study leaves out ({lost}): its tables, figures and report are "
            "written anew without them, and come back with the study that has them. To keep both, give this "
            "one another name: --config study=NAME"
        )
    # On a cluster, Snakemake has to stay alive to cancel its jobs there.
    if workflow.local_exec:
        guard.end_on_signals()
    with exit_with_message():
        files.lock_folder(Path("results"))
        guard.start()
        check_devices()

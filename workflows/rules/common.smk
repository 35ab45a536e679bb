"""The study behind this run, and what the rules ask of it."""

import hashlib
import signal
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(workflow.basedir))

from benchmarks import datasets, frameworks
from benchmarks.common import files, guard, machine, process
from benchmarks.common.errors import Problem
from benchmarks.common.provenance import code_digest
from benchmarks.frameworks import devices
from benchmarks.study import check
from benchmarks.study import study as studies

# Of what a long job prints into its log a person is shown what tells its progress.
SHOWN = "sed -nu 's/^progress: //p' >&2"

process.prefer_this_interpreter()
# Where a script starts the run in its background SIGINT is ignored, and Ctrl-C would be lost until the
# first job.
signal.signal(signal.SIGINT, signal.default_int_handler)

try:
    files.check_writable(Path("results"))
    STUDY = check.read(config)
    PLANS = {
        "/".join(
            str(part) for part in plan.cell.model_dump().values()
        ): plan.model_dump_json()
        for plan in studies.plans(STUDY)
    }
except (Problem, OSError) as problem:
    raise WorkflowError(str(problem)) from None

MACHINE = STUDY.machine or machine.slug(STUDY.device)
RESULTS = f"results/{STUDY.study}/{MACHINE}"
# What results call a data set, and what the study calls it: a name, or a path of the user's own.
SOURCES = {workload.slug: workload.dataset for workload in STUDY.workloads}
DATASETS = list(SOURCES)
# Where no GPU is, traces run side by side. On a cluster a job may see one that is not seen here.
GPUS_OF_A_TRACE = 1 if machine.gpus() or not workflow.local_exec else 0
STUDY_JSON = STUDY.model_dump_json()
# What is timed does not depend on targets, budgets, seeds or arms: changing those times nothing anew.
TIMED_JSON = studies.for_timing(STUDY).model_dump_json()
TRACED_JSON = studies.for_tracing(STUDY).model_dump_json()


wildcard_constraints:
    dataset="[a-z0-9_-]+",
    model="[a-z0-9_]+",
    framework="[a-z0-9-]+",
    arm="[a-z0-9-]+",
    batch_size="[0-9]+",


def plan_of(wildcards):
    """The training of one cell, as JSON."""
    return PLANS["/".join(wildcards)]


def results_folder(wildcards, input):
    """The folder of this study and machine, from a file directly in it."""
    return str(Path(input[0]).parent)


def code_of_cell(wildcards):
    """Digest of the code that one cell's record depends on."""
    return code_digest(
        "benchmarks.training.cell",
        "benchmarks.training.job",
        datasets.module_name(SOURCES[wildcards.dataset]),
        f"benchmarks.models.{wildcards.model}",
        frameworks.module_name(wildcards.framework),
    )


def code_of_frameworks(*modules):
    """Digest of the code behind these modules and every framework, data set and model of the study."""
    plugins = [frameworks.module_name(name) for name in STUDY.frameworks]
    plugins += [datasets.module_name(source) for source in SOURCES.values()]
    plugins += [f"benchmarks.models.{workload.model}" for workload in STUDY.workloads]
    return code_digest(*sorted({*modules, *plugins}))


def code_of_trace(wildcards):
    """Digest of the code behind the traces of one framework."""
    return code_digest(
        "benchmarks.identity.trace",
        frameworks.module_name(wildcards.framework),
        *sorted(datasets.module_name(source) for source in SOURCES.values()),
        *sorted({f"benchmarks.models.{w.model}" for w in STUDY.workloads}),
    )


def code_of_dataset(wildcards):
    """Digest of the code that one data set depends on."""
    return code_digest(
        "benchmarks.datasets", datasets.module_name(SOURCES[wildcards.dataset])
    )


def fingerprint_of_dataset(wildcards):
    """Changes when data of the user's own does."""
    return datasets.fingerprint(SOURCES[wildcards.dataset])


def traces_folder(wildcards, input):
    """The folder that holds the traces, by precision, from one of them."""
    return str(Path(input[0]).parent.parent)


def study_folder(wildcards, output):
    """The folder of this study and machine, from a file that is written directly into it."""
    return str(Path(output[0]).parent)


def digest_of_results(wildcards):
    """SHA-256 of every summary that is compared, so that a new or changed one draws the comparison anew."""
    summaries = sorted(
        [
            *Path("results").glob("*/*/summary.csv"),
            *Path("results/published").glob("*/*/summary.csv"),
        ]
    )
    content = b"".join(str(path).encode() + path.read_bytes() for path in summaries)
    return hashlib.sha256(content).hexdigest()


onstart:
    # On a cluster Snakemake must live on to cancel its jobs there.
    if workflow.local_exec:
        guard.end_on_signals()
    try:
        files.lock_folder(Path("results"))
        guard.start()
        devices.ensure_same(
            STUDY.frameworks, STUDY.device, Path(RESULTS) / "devices.json"
        )
    except (Problem, OSError) as problem:
        raise WorkflowError(f"{problem}")

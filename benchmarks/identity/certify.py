"""Certifies frameworks without running a study: each step in a process of its own, then a table."""

import json
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.common import machine, process
from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.identity.subjects import REFERENCE, File, files
from benchmarks.study import check
from benchmarks.study import study as studies
from benchmarks.study.study import Study, Workload

CASE, IMPLEMENTATION = ("dataset", "model", "arm"), ("framework", "execution")

console = Console()


def run_step(label: str, command: str, *arguments: object) -> bool:
    """Run one step in a process of its own and print how long it took; returns whether it succeeded."""
    start = time.perf_counter()
    succeeded = process.run(process.python(command, *map(str, arguments))) == 0
    outcome = f"{time.perf_counter() - start:.0f} s" if succeeded else "failed"
    console.print(f"{label}: {outcome}", highlight=False)
    return succeeded


def prepare(workload: Workload, folder: Path) -> None:
    """Obtain and verify the data of a workload, unless another workload has already brought it.

    Raises:
        Problem: the data cannot be obtained.
    """
    path = folder / f"{workload.slug}.npz"
    if not path.exists() and not run_step(
        f"data {workload.dataset}", "fetch", workload.dataset, "--output", path
    ):
        raise Problem(f"there is no data set {workload.dataset}", fix="see the message above")


def trace(study: Study, name: str, needed: list[File], folder: Path) -> bool:
    """Make those files of traces that are of one framework; returns whether that succeeded."""
    data = [folder / f"{workload.slug}.npz" for workload in study.workloads]
    arguments = [*dict.fromkeys(data), "--study", study.model_dump_json()]
    return all(
        run_step(
            f"{name} in {file.precision}",
            *("trace", *arguments, "--framework", name, "--precision", file.precision),
            *(() if file.certified else ("--reference",)),
            *("--store", folder / "store", "--output", folder / "traces" / file.path),
        )
        for file in needed
        if file.framework == name
    )


def certificates(study: Study, names: list[str], folder: Path) -> dict:
    """The certificates of those frameworks that can be traced, as `identity.certificate` writes them.

    Raises:
        Problem: a step failed, or none of the frameworks can be traced.
    """
    needed, traced = files(names), studies.for_tracing(study)
    others = [name for name in names if name != REFERENCE[0]]
    if others:
        for workload in study.workloads:
            prepare(workload, folder)
    traceable = [name for name in others if trace(traced, name, needed, folder)]
    if not traceable:
        raise Problem(
            f"no framework but {REFERENCE[0]} could be traced, so there is nothing to compare with it",
            fix="pip install -r requirements/cpu.txt (or cuda.txt), or name other frameworks",
        )
    if not trace(traced, REFERENCE[0], needed, folder):
        raise Problem(f"the reference, {REFERENCE[0]}, could not be traced", fix="see the message above")
    chosen = [name for name in names if name in (*traceable, REFERENCE[0])]
    output = folder / "certificates.json"
    arguments = [*chosen, "--study", study.model_dump_json()]
    if not run_step("certificates", "certify", *arguments, "--traces", folder / "traces", "--output", output):
        raise Problem("the certificates could not be written", fix="see the message above")
    return json.loads(output.read_bytes())


def table(content: dict) -> Table:
    """The certificates as a table for the terminal."""
    printed = Table(title=f"{content['steps']} steps in float64, compared with {REFERENCE[0]}")
    for column in ("case", "implementation", "verdict", "largest difference", "float32 parts at step"):
        printed.add_column(column, overflow="fold")
    for row in content["certificates"]:
        case, implementation = (" ".join(row[name] for name in names) for names in (CASE, IMPLEMENTATION))
        largest = row["largest_difference"]
        shown = "not comparable" if largest is None else f"{largest:.1e}"
        printed.add_row(
            case, implementation, row["verdict"], shown, str(row["float32_parts_at_step"] or "never")
        )
    return printed


def all_certified(names: list[str], content: dict) -> bool:
    """Whether every certificate is positive and every framework has one; prints those that have none."""
    missing = sorted(set(names) - {row["framework"] for row in content["certificates"]})
    for name in missing:
        console.print(f"{name}: no certificate, because it could not be traced")
    return not missing and all(row["certified"] for row in content["certificates"])


def warn_of_bfloat16(study: Study) -> None:
    """Say where products in bfloat16 are not computed as a study would, for want of instructions."""
    if study.multiplies_in_bfloat16 and not machine.multiplies_bfloat16(study.device):
        console.print(
            "this machine has no instructions for bfloat16; some frameworks then sum in it, for which they "
            "are not certified"
        )


def certify(config: Path, names: list[str], output: Path | None) -> bool:
    """Trace, certify and print; returns whether every framework is certified on the whole study.

    `names` replace the frameworks of the study in the file `config`, if any are given. `output` is a file
    for the certificates, or None.
    """
    settings = check.load(config)
    if check.read(settings).is_auto:
        raise Problem(
            "batch_sizes: auto: only a study finds out which batch sizes fit, and certifies them",
            fix="start the study, or name batch sizes here",
        )
    study = studies.at_start(check.read(settings | ({"frameworks": names} if names else {})))
    warn_of_bfloat16(study)
    with tempfile.TemporaryDirectory() as folder:
        content = certificates(study, study.frameworks, Path(folder))
    console.print(table(content))
    if output:
        write_text(json.dumps(content, indent=1) + "\n", output)
    return all_certified(study.frameworks, content)

"""Certify frameworks on a study without running it: each step in a process of its own, then a table."""

import json
import tempfile
import time
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.common import process
from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.identity.certificate import REFERENCE
from benchmarks.study import check
from benchmarks.study import study as studies
from benchmarks.study.study import Study, Workload

PRECISIONS = ("float64", "float32")
CASE, IMPLEMENTATION = ("dataset", "model", "arm"), ("framework", "execution")

console = Console()


def call(what: str, command: str, *arguments: object) -> bool:
    """Run one step in a process of its own and say how long it took; whether it succeeded."""
    start = time.perf_counter()
    done = process.run(process.python(command, *map(str, arguments))) == 0
    console.print(f"{what}: {f'{time.perf_counter() - start:.0f} s' if done else 'failed'}", highlight=False)
    return done


def prepare(workload: Workload, folder: Path) -> None:
    """The data of a workload, obtained and verified anew.

    Raises:
        Problem: it cannot be had.
    """
    path = folder / f"{workload.slug}.npz"
    if not path.exists() and not call(
        f"data {workload.dataset}", "fetch", workload.dataset, "--output", path
    ):
        raise Problem(f"no data {workload.dataset}", fix="see the message above")


def traced(study: Study, name: str, folder: Path) -> bool:
    """Trace one framework in both precisions; whether that could be done."""
    data = [folder / f"{workload.slug}.npz" for workload in study.workloads]
    given = [*dict.fromkeys(data), "--study", study.model_dump_json(), "--framework", name]
    outputs = {p: folder / "traces" / p / f"{name}.safetensors" for p in PRECISIONS}
    return all(
        call(f"{name} in {precision}", "trace", *given, "--precision", precision, "--output", output)
        for precision, output in outputs.items()
    )


def certified(study: Study, names: list[str], folder: Path) -> dict:
    """The certificates of these frameworks; of those that can be traced.

    Raises:
        Problem: a step went wrong, or nothing is there to be certified.
    """
    others = [name for name in names if name != REFERENCE[0]]
    if others:
        for workload in study.workloads:
            prepare(workload, folder)
    good = [name for name in others if traced(study, name, folder)]
    if not good:
        raise Problem(
            f"no framework but {REFERENCE[0]} could be traced: there is nothing to hold to it",
            fix="pip install -r requirements/cpu.txt (or cuda.txt), or name others on the command line",
        )
    if not traced(study, REFERENCE[0], folder):
        raise Problem(f"the reference, {REFERENCE[0]}, could not be traced", fix="see the message above")
    chosen = [name for name in names if name in (*good, REFERENCE[0])]
    output = folder / "certificates.json"
    given = [*chosen, "--study", study.model_dump_json()]
    if not call("certificates", "certify", *given, "--traces", folder / "traces", "--output", output):
        raise Problem("the certificates could not be written", fix="see the message above")
    return json.loads(output.read_bytes())


def table(content: dict) -> Table:
    """The certificates as a table for the terminal."""
    drawn = Table(title=f"{content['steps']} steps in float64, held to {REFERENCE[0]}")
    for column in ("case", "implementation", "verdict", "largest difference", "float32 parts at step"):
        drawn.add_column(column, overflow="fold")
    for row in content["certificates"]:
        case, implementation = (" ".join(row[name] for name in names) for names in (CASE, IMPLEMENTATION))
        largest = row["largest_difference"]
        shown = "none to be had" if largest is None else f"{largest:.1e}"
        drawn.add_row(
            case, implementation, row["verdict"], shown, str(row["float32_parts_at_step"] or "never")
        )
    return drawn


def told_of_all(names: list[str], content: dict) -> bool:
    """Whether every framework is certified throughout; those without any certificate are named."""
    missing = sorted(set(names) - {row["framework"] for row in content["certificates"]})
    for name in missing:
        console.print(f"{name}: no certificate, since it could not be traced")
    return not missing and all(row["certified"] for row in content["certificates"])


def certify(config: Path, names: list[str], output: Path | None) -> bool:
    """Trace, certify and print; whether every framework is certified throughout.

    `names` are frameworks to take instead of those of the study in the file `config`.
    """
    read = yaml.safe_load(config.read_text())
    study = check.read(read | ({"frameworks": names} if names else {}))
    with tempfile.TemporaryDirectory() as folder:
        content = certified(studies.for_tracing(study), study.frameworks, Path(folder))
    console.print(table(content))
    if output:
        write_text(json.dumps(content, indent=1) + "\n", output)
    return told_of_all(study.frameworks, content)

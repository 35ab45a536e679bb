"""Copy what is to be committed of a finished study."""

import gzip
import shutil
import tarfile
from pathlib import Path

from benchmarks.common.errors import Problem
from benchmarks.common.quiet import OTHERS
from benchmarks.summary import hardware, reading, schema
from benchmarks.summary.schema import OF_A_STUDY, SUMMARY

FILES = [*(table.name for table in OF_A_STUDY), "machine.json", "provenance.json"]
FILES += ["identity.json", "report.html", "recommendations.json"]
OF_SOME = [table.name for table in schema.OF_SOME]
"""What only a study with tuned arms has, with batch sizes found by trial, or with analyses."""
FOLDERS = ["tables", "figures"]
RECORDS, TIMED = "runs/{dataset}/{model}/{framework}/{seed}.json", "throughput/*.json"
ANALYSED = "analysis/{dataset}/{model}/{seed}.json"
PACKED = "records.tar.gz"
PLAIN_BYTES = 5 * 2**20
"""The bulky files are kept as they are up to this size together, and packed into one above it."""


def deposit(results: Path, into: Path) -> int:
    """Replace the publication in the folder `into` by the present results, and return its size in bytes.

    The new publication is built beside the earlier one, and takes its place once it is complete.

    Raises:
        Problem: the study is not finished, or results of another machine stand there under the same name.
        OSError: the disk is full or the folder cannot be written; the earlier publication stays.
    """
    small, bulky = to_commit(results)
    check_same_machine(results, into.parent)
    new, old = into.with_name(f".{into.name}.new"), into.with_name(f".{into.name}.old")
    _mend(into, old)
    shutil.rmtree(new, ignore_errors=True)
    try:
        fill(new, results, small=small, bulky=bulky)
        _swap(new, into, old)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return sum(path.stat().st_size for path in into.rglob("*") if path.is_file())


def advice(results: Path) -> str:
    """Whether these results are ready to be committed, or why they had better be measured again."""
    because = doubt(results)
    again = "measure again (docs/measuring.md) before you commit it"
    return f"but {because}: {again}" if because else "ready to be committed"


def doubt(results: Path) -> str:
    """Why results had better be measured again before they are committed; empty where nothing speaks so."""
    disturbed = reading.table(results, SUMMARY)["disturbed"] != ""
    share = reading.provenance(results)["others_cpu_share"] or 0.0
    if share > OTHERS:
        return f"other work took {share:.0%} of the machine while this was measured"
    return f"{disturbed.sum()} of {len(disturbed)} cells were disturbed" if disturbed.any() else ""


def check_same_machine(results: Path, machine: Path) -> None:
    """Refuse to publish beside results of other hardware, in the folder `machine` that has its name.

    Raises:
        Problem: results there come from another machine, or do not say from which.
    """
    here = hardware.of(reading.provenance(results))
    for folder in sorted(path.parent for path in machine.glob("[!.]*/provenance.json")):
        if differs := hardware.difference(here, _published_from(folder, otherwise=here)):
            raise Problem(
                f"{folder} has results of another machine, also named {machine.name}: here, {differs}",
                fix="give this machine a name of its own, which measures nothing again: the same command "
                "with --config machine=NAME",
            )


def _published_from(folder: Path, *, otherwise: dict) -> dict:
    """The hardware that published results come from; `otherwise` if nobody can read them."""
    try:
        return hardware.of(reading.provenance(folder))
    except (Problem, TypeError, KeyError):
        return otherwise


def to_commit(results: Path) -> tuple[list[Path], list[Path]]:
    """The files that are committed as they are, and the large ones that may be packed into an archive.

    Raises:
        Problem: something that a finished study has is missing.
    """
    missing = [name for name in [*FILES, *FOLDERS] if not (results / name).exists()]
    if missing:
        raise Problem(
            f"{results} is not a finished study: it has no {', '.join(missing)}",
            fix="run the study to its end first: snakemake --cores all",
        )
    bulky = sorted([*records(results), *results.glob(TIMED)])
    inside = [path for folder in FOLDERS for path in sorted((results / folder).iterdir())]
    # Hidden files are the workflow's own time stamps.
    of_some = [results / name for name in OF_SOME if (results / name).exists()]
    small = (
        [results / name for name in FILES]
        + of_some
        + [path for path in inside if not path.name.startswith(".")]
    )
    return [path for path in small if path not in bulky], bulky


def records(results: Path) -> set[Path]:
    """The records of the runs that the study has, and of what was measured of them from the inside.

    Those of runs that it had before may still be there.
    """
    runs = reading.table(results, schema.RUNS)[["dataset", "model", "framework", "seed"]].drop_duplicates()
    found = {results / RECORDS.format(**run) for run in runs.to_dict("records")}
    if not (results / schema.CHECKPOINTS.name).exists():
        return found
    inside = reading.table(results, schema.CHECKPOINTS)[["dataset", "model", "seed"]].drop_duplicates()
    return found | {results / ANALYSED.format(**run) for run in inside.to_dict("records")}


def fill(folder: Path, results: Path, *, small: list[Path], bulky: list[Path]) -> None:
    """Write a whole publication into a folder that does not exist yet."""
    packed = sum(path.stat().st_size for path in bulky) > PLAIN_BYTES
    for path in small if packed else [*small, *bulky]:
        destination = folder / path.relative_to(results)
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, destination)
    if packed:
        pack(bulky, folder / PACKED, root=results)


def pack(paths: list[Path], destination: Path, *, root: Path) -> None:
    """Write an archive of files under their paths below `root`; the same files give the same bytes."""
    with (
        destination.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in paths:
            entry = tarfile.TarInfo(str(path.relative_to(root)))
            entry.size = path.stat().st_size
            with path.open("rb") as content:
                archive.addfile(entry, content)


def _swap(new: Path, into: Path, old: Path) -> None:
    """Put the new folder in the place of the earlier one, or leave the earlier one there."""
    if into.exists():
        into.rename(old)
    try:
        new.rename(into)
    except BaseException:
        _mend(into, old)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _mend(into: Path, old: Path) -> None:
    """Put the earlier publication back where a swap was interrupted, and remove what the swap left behind."""
    if old.exists() and not into.exists():
        old.rename(into)
    shutil.rmtree(old, ignore_errors=True)

"""Snakemake's dry runs, each in a process forked from one that has imported Snakemake once.

Importing it takes as long as all the rest of a dry run. Nothing else is shared: the Snakefile and the
package beside it are read anew each time.
"""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["snakemake.cli", "grimp", "numpy", "pydantic", "requests"])


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess:
    """What `python -m snakemake` with these arguments comes to in a folder."""
    with TemporaryDirectory() as scratch:
        outputs = [Path(scratch) / name for name in ("stdout", "stderr")]
        process = FORKS.Process(target=snakemake, args=(arguments, folder, outputs))
        process.start()
        process.join()
        said = [path.read_text() for path in outputs]
    return subprocess.CompletedProcess(arguments, process.exitcode, *said)


def snakemake(arguments: list[str], folder: Path, outputs: list[Path]) -> None:
    """Be Snakemake in that folder; what it says goes to the two files."""
    for descriptor, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(folder)
    sys.path[0:0] = [str(folder)]
    sys.argv = ["snakemake", *arguments]
    assert "benchmarks" not in sys.modules, "the package is that of the folder"
    from snakemake.cli import main

    main(arguments)

"""The arguments of Snakemake, as far as a study has to know them before Snakemake does anything."""

import itertools
import re
from collections.abc import Sequence

from benchmarks.common.errors import Problem

SHOW_ONLY = {"--dry-run", "--dryrun", "--lint", "--unlock", "--dag", "--rulegraph", "--filegraph", "--d3dag"}
SHOW_ONLY |= {"--summary", "-S", "--detailed-summary", "-D", "--list-rules", "--list", "-l", "--touch", "-t"}
SHOW_ONLY |= {
    "--list-target-rules",
    "--lt",
    "--list-changes",
    "--list-input-changes",
    "--report",
    "--archive",
}
SHOW_ONLY |= {"--cleanup-metadata", "--delete-all-output", "--delete-temp-output", "--print-compilation"}
"""Options of Snakemake with which it runs no job."""


def check(arguments: Sequence[str]) -> None:
    """Check that the arguments of Snakemake name the file of a study after --configfile, and not alone.

    Raises:
        Problem: a file of a study stands where the name of a result should.
    """
    for before, argument in itertools.pairwise(arguments):
        if argument.endswith((".yaml", ".yml")) and not before.startswith("--"):
            fix = f"snakemake --cores all --configfile {argument}"
            raise Problem(f"{argument} is the file of a study, and nothing that could be made", fix=fix)


def runs_jobs(arguments: Sequence[str]) -> bool:
    """Whether Snakemake runs jobs with these arguments, and does not only show or mend something."""
    return not any(each in SHOW_ONLY or re.fullmatch("-[npq]*n[npq]*", each) for each in arguments)

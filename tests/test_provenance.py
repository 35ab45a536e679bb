"""The digest of code follows the code, whatever an earlier run left behind."""

import os
import subprocess
import sys

from benchmarks.common import provenance

DIGEST = "from benchmarks.common.provenance import code_digest; print(code_digest('benchmarks.models.mlp'))"


def digest(project):
    command = [sys.executable, "-c", DIGEST]
    return subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=True).stdout


def test_an_import_that_came_with_an_old_time_stamp_counts(project):
    """As `git`, `rsync` or an archive may leave a file: other content, the time of before."""
    model, other = (project.folder / "benchmarks/models" / name for name in ("mlp.py", "c1.py"))
    before, times = digest(project), model.stat()
    model.write_text(model.read_text() + "\nimport benchmarks.models.c1\n")
    os.utime(model, ns=(times.st_atime_ns, times.st_mtime_ns))
    imported = digest(project)
    other.write_text(other.read_text() + "\nEDITED = True\n")
    assert len({before, imported, digest(project)}) == 3


def test_code_digests_follow_imports_and_see_statements_only():
    base = provenance.code_digest("benchmarks.training.measure", "benchmarks.frameworks.keras")
    assert base == provenance.code_digest("benchmarks.training.measure", "benchmarks.frameworks.keras")
    assert base != provenance.code_digest("benchmarks.training.measure", "benchmarks.frameworks.pytorch")
    statements = provenance._statements
    assert statements('"""A."""\nx = 1  # one\n') == statements("x = 1")
    assert statements("x = 1") != statements("x = 2")

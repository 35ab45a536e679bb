"""The repository itself: linted, formatted, its imports one way, its README true."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def tool(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_workflow_passes_snakemakes_lint():
    done = tool(sys.executable, "-m", "snakemake", "--lint")
    assert done.returncode == 0, done.stderr


def beside_python(name):
    return str(Path(sys.executable).with_name(name))


@pytest.mark.parametrize(
    "command",
    [
        ["snakefmt", "--check", "Snakefile", "workflows"],
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["lint-imports"],
    ],
    ids=" ".join,
)
def test_the_code_is_clean(command):
    done = tool(beside_python(command[0]), *command[1:])
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readmes_two_commands_are_those_that_continuous_integration_runs():
    blocks = re.findall(r"```\w*\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    script = (ROOT / ".ci/run").read_text()
    assert (
        "pip install -r requirements/$(nvidia-smi > /dev/null 2>&1 && echo cuda || echo cpu).txt" in blocks[0]
    )
    assert "snakemake --cores all" in blocks[0]
    assert blocks[1].strip().endswith("pytest")
    assert "pip install -r requirements/cpu.txt" in script
    assert re.search(r"^\s*pytest", script, re.MULTILINE)


def test_files_are_read_and_written_as_utf_8_whatever_the_locale():
    """A call that opens text without an encoding reads the sources wrongly where the locale is another."""
    for path in sorted((ROOT / "benchmarks").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
                text = call.func.attr in ("read_text", "write_text") or given.get("text") == "True"
                assert not text or "encoding" in given, f"{path}:{call.lineno}"

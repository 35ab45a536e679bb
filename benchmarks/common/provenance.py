"""Where a result comes from: machine, versions, source, and the code that it depends on."""

import ast
import functools
import hashlib
import importlib.metadata
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import grimp

from benchmarks.common import machine

PACKAGE = "benchmarks"
FOLDER = Path(__file__).parent.parent
LIBRARIES = (
    *("tensorflow", "tensorflow-cpu", "keras", "torch", "jax", "jaxlib", "numpy", "scipy"),
    *("pandas", "pillow", "pytest-benchmark", "snakemake", "safetensors"),
)


@functools.cache
def _graph() -> grimp.ImportGraph:
    """Which module imports which, outside packages included."""
    return grimp.build_graph(PACKAGE, include_external_packages=True)


@functools.cache
def _distributions() -> dict[str, list[str]]:
    """Which distribution brings which top-level module."""
    return dict(importlib.metadata.packages_distributions())


@functools.cache
def code_digest(*modules: str) -> str:
    """SHA-256 of all code that these modules depend on: their own, what they import, and its versions.

    `package.*` stands for all modules inside a package, which it imports by name.
    Comments, docstrings and layout leave it as it is; an edited statement in any module that can be
    reached by imports changes it, and so does another version of a package imported there.
    """
    packages = [module.removesuffix(".*") for module in modules if module.endswith(".*")]
    named = {module for module in modules if not module.endswith(".*")}
    named = named.union(*(_graph().find_descendants(package) for package in packages))
    reached = named.union(*(_graph().find_upstream_modules(module) for module in named))
    parts = sorted(_part(module) for module in reached)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@functools.cache
def _part(module: str) -> str:
    """One module's share in a digest."""
    if module.split(".")[0] != PACKAGE:
        names = sorted(set(_distributions().get(module, [])))
        return " ".join([module, *(f"{name}=={importlib.metadata.version(name)}" for name in names)])
    path = FOLDER.parent.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return f"{module} {_statements(source.read_text())}"


def _statements(source: str) -> str:
    """A module's syntax tree as text, without its docstrings."""
    tree = ast.parse(source)
    documented = ast.Module | ast.ClassDef | ast.FunctionDef
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def versions() -> dict[str, str]:
    """Versions of the libraries that results depend on, where installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _git(*arguments: str) -> str | None:
    """What git says of the folder that holds this package; None outside a checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(FOLDER), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def now() -> str:
    """The time in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def source() -> dict:
    """The commit, and whether the code under it was edited since."""
    edited = _git("status", "--porcelain", "--", ".")
    return {"git_commit": _git("rev-parse", "HEAD"), "git_dirty": bool(edited)}


def describe() -> dict:
    """Provenance of a result made by this process."""
    return {
        "machine": machine.describe(),
        "versions": {"python": sys.version.split()[0], **versions()},
        **source(),
    }


def of_framework(framework: ModuleType) -> dict:
    """Provenance of a result made with this framework, configured, in this process."""
    return {**describe(), "device": framework.device()._asdict(), "switches": framework.switches()}

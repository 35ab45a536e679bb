"""Where a result comes from: machine, library versions, commit, and a digest of the code it depends on."""

import ast
import functools
import hashlib
import importlib.metadata
import json
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
def import_graph() -> grimp.ImportGraph:
    """Which module imports which, external packages included; no cache, which would go by times of files.

    It is read by threads that a forked process does not have: read it before a fork, or the process hangs.
    """
    return grimp.build_graph(PACKAGE, include_external_packages=True, cache_dir=None)


@functools.cache
def _distributions() -> dict[str, list[str]]:
    """The distributions that provide each top-level module."""
    return dict(importlib.metadata.packages_distributions())


@functools.cache
def code_digest(*modules: str) -> str:
    """SHA-256 (hex) of these modules and of everything that they import, directly or not.

    `package.*` stands for all modules of a package that imports them by name at run time. Editing a
    statement in any of these modules changes the digest, and so does another version of an imported
    package. Editing comments, docstrings or layout does not.
    """
    parts = {**code_behind(*modules), **versions_behind(*modules)}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@functools.cache
def code_behind(*modules: str) -> dict[str, str]:
    """A digest of the statements of each module of this package that these modules are or import."""
    return {module: _part(module) for module in _reached(*modules) if _is_ours(module)}


@functools.cache
def versions_behind(*modules: str) -> dict[str, str]:
    """The version of each distribution that these modules import, directly or not."""
    others = [module for module in _reached(*modules) if not _is_ours(module)]
    names = sorted({name for module in others for name in _distributions().get(module, [])})
    return {name: importlib.metadata.version(name) for name in names}


@functools.cache
def _reached(*modules: str) -> list[str]:
    """These modules and all that they import, directly or not, sorted."""
    packages = [module.removesuffix(".*") for module in modules if module.endswith(".*")]
    named = {module for module in modules if not module.endswith(".*")}
    named = named.union(*(import_graph().find_descendants(package) for package in packages))
    return sorted(named.union(*(import_graph().find_upstream_modules(module) for module in named)))


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == PACKAGE


@functools.cache
def _part(module: str) -> str:
    """The first 16 digits (hex) of the SHA-256 of a module's statements."""
    path = FOLDER.parent.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return hashlib.sha256(_statements(source.read_text(encoding="utf-8")).encode()).hexdigest()[:16]


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
    installed = {}
    for name in LIBRARIES:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


def _git(*arguments: str) -> str | None:
    """The output of git about the folder of this package; None outside a checkout."""
    try:
        completed = subprocess.run(
            ["git", "-C", str(FOLDER), *arguments], capture_output=True, encoding="utf-8", check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return completed.stdout.strip()


def now() -> str:
    """The time in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def source() -> dict:
    """The commit, and whether the code has been edited since."""
    edited = _git("status", "--porcelain", "--", ".")
    return {"git_commit": _git("rev-parse", "HEAD"), "git_dirty": bool(edited)}


def describe() -> dict:
    """Provenance of a result of this process."""
    return {
        "machine": machine.describe(),
        "versions": {"python": sys.version.split()[0], **versions()},
        **source(),
    }


def of_framework(framework: ModuleType) -> dict:
    """Provenance of a result of this process and of this framework, which must have been configured."""
    return {**describe(), "device": framework.device()._asdict(), "switches": framework.switches()}

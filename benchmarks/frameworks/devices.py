"""Find the device that every framework of a study computes on, and refuse to compare unlike ones."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import frameworks
from benchmarks.common import machine, process
from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text

HIDE = "or hide the GPU from all of them: snakemake --cores all --config device=cpu"


def look(framework: str, device: str) -> dict:
    """What one framework sees, asked in a process of its own.

    Raises:
        Problem: the framework cannot be imported.
    """
    command = process.python("device", framework, "--device", device)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Problem(
            f"{framework} does not start: {done.stderr.strip().splitlines()[-1:]}",
            fix="pip install -r requirements/cpu.txt (or cuda.txt) into this environment",
        )
    return json.loads(done.stdout.splitlines()[-1])


def look_with_all(names: list[str], device: str) -> dict[str, dict]:
    """What each framework sees; they start side by side, one on each core, since starting takes seconds.

    Raises:
        Problem: as `look`.
    """
    with ThreadPoolExecutor(machine.cores()) as pool:
        return dict(zip(names, pool.map(lambda name: look(name, device), names), strict=True))


def check_same(found: dict[str, dict], *, device: str, gpus: list[machine.Gpu]) -> None:
    """Hold the devices that the frameworks see to one another, to the study, and to the driver.

    Raises:
        Problem: they differ, or a GPU that is there or asked for is not used by all.
    """
    kinds = {name: seen["kind"] for name, seen in found.items()}
    said = ", ".join(f"{name} sees {'a GPU' if kind == 'gpu' else 'no GPU'}" for name, kind in kinds.items())
    fix = f"install requirements/cuda.txt, whose frameworks share one CUDA; {HIDE}"
    if len(set(kinds.values())) > 1:
        raise Problem(f"the frameworks compute on different devices: {said}", fix=fix)
    if "cpu" in kinds.values() and device == "gpu":
        raise Problem(f"the study asks for a GPU, but {said}", fix=fix)
    if "cpu" in kinds.values() and device == "auto" and gpus:
        raise Problem(f"this machine has a GPU ({gpus[0].name}), but {said}", fix=fix)


def ensure_same(names: list[str], device: str, path: Path) -> None:
    """Look with every framework and keep what was found, unless the file holds that already.

    Raises:
        Problem: as `check_same`.
    """
    asked = {"frameworks": names, "device": device, "gpus": [gpu.name for gpu in machine.gpus()]}
    if path.exists() and json.loads(path.read_bytes()).get("asked") == asked:
        return
    found = look_with_all(names, device)
    check_same(found, device=device, gpus=machine.gpus())
    write_text(json.dumps({"asked": asked, "found": found}, indent=1) + "\n", path)


def seen_here(name: str, device: str) -> str:
    """The device that a framework computes on in this very process, as JSON."""
    framework = frameworks.load(name)
    framework.configure(threads=1, device=device, precision="float32")
    return json.dumps(framework.device()._asdict())

"""Finds the device that each framework of a study computes on, and refuses to compare different devices."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from benchmarks import frameworks
from benchmarks.common import machine, process, processor
from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text

HIDE = "hide the GPU from all of them: snakemake --cores all --config device=cpu"


def device_of(framework: str, device: str) -> dict:
    """The device that a framework computes on, found out in a process of its own.

    Raises:
        Problem: the framework cannot be imported.
    """
    command = process.python("device", framework, "--device", device)
    completed = subprocess.run(command, capture_output=True, encoding="utf-8")
    if completed.returncode:
        raise Problem(
            f"{framework} cannot be started: {completed.stderr.strip().splitlines()[-1:]}",
            fix="pip install -r requirements/cpu.txt (or cuda.txt) into this environment",
        )
    return json.loads(completed.stdout.splitlines()[-1])


def devices_of(names: list[str], device: str) -> dict[str, dict]:
    """The device of each framework; one is started on each core at a time, since starting takes seconds.

    Raises:
        Problem: as for `device_of`.
    """
    with ThreadPoolExecutor(processor.cores()) as pool:
        return dict(zip(names, pool.map(lambda name: device_of(name, device), names), strict=True))


def check_same(devices: dict[str, dict], *, device: str, gpus: list[machine.Gpu]) -> None:
    """Check that all frameworks compute on the same kind of device, and on a GPU if the study needs one.

    `devices` is the device by framework, `device` the setting of the study, `gpus` those of the machine.

    Raises:
        Problem: the devices differ, or a GPU is there or required, and a framework does not use it.
    """
    kinds = {name: each["kind"] for name, each in devices.items()}
    seen = ", ".join(f"{name} sees {'a GPU' if kind == 'gpu' else 'no GPU'}" for name, kind in kinds.items())
    fix = f"install requirements/cuda.txt, whose frameworks share one CUDA; or {HIDE}"
    if len(set(kinds.values())) > 1:
        raise Problem(f"the frameworks compute on different devices: {seen}", fix=fix)
    if "cpu" in kinds.values() and device == "gpu":
        raise Problem(f"the study requires a GPU, but {seen}", fix=fix)
    if "cpu" in kinds.values() and device == "auto" and gpus:
        raise Problem(f"this machine has a GPU ({gpus[0].name}), but {seen}", fix=fix)


def check_bfloat16(device: str) -> None:
    """Check that there are instructions for bfloat16 where a study with this setting computes.

    Raises:
        Problem: there are none.
    """
    if not machine.multiplies_bfloat16(device):
        raise Problem(
            "an arm has mixed_precision: bfloat16, for which this machine has no instructions (a processor "
            "needs AVX512_BF16, AMX or ARM's BF16, a GPU compute capability 8.0 as Ampere has it, or more)",
            fix="remove mixed_precision from that arm, or run the study on another machine",
        )


def ensure_same(names: list[str], device: str, path: Path, *, bfloat16: bool) -> None:
    """Find the devices of all frameworks, check them and write them to a file, unless it has them already.

    `bfloat16` says whether the study multiplies in it.

    Raises:
        Problem: as for `check_same`, `check_bfloat16` and `device_of`.
    """
    gpus = [gpu.name for gpu in machine.gpus()]
    question = {"frameworks": names, "device": device, "gpus": gpus}
    if bfloat16:
        check_bfloat16(device)
    if path.exists() and json.loads(path.read_bytes()).get("asked") == question:
        return
    devices = devices_of(names, device)
    check_same(devices, device=device, gpus=machine.gpus())
    write_text(json.dumps({"asked": question, "found": devices}, indent=1) + "\n", path)


def configure(framework: ModuleType, *, threads: int, device: str, precision: str) -> None:
    """Configure a framework in this process, which must then compute where the study says.

    Raises:
        Problem: as for `check`.
    """
    framework.configure(threads=threads, device=device, precision=precision)
    check(framework, device)


def check(framework: ModuleType, device: str) -> None:
    """Check that a framework that has been configured computes where the study says, `device`.

    What a study found out before its first job may have changed: a driver may fail, a library be missing.

    Raises:
        Problem: it computes on the CPU, and should on a GPU.
    """
    needed = device == "gpu" or (device == "auto" and machine.gpus())
    if needed and framework.device().kind == "cpu":
        name = framework.__name__.rpartition(".")[-1]
        raise Problem(
            f"{name} computes on the CPU in this process, and the study on a GPU",
            fix=f"see what its log says of the GPU; or {HIDE}",
        )


def device_here(name: str, device: str) -> str:
    """The device that a framework computes on in this process, as JSON."""
    framework = frameworks.load(name)
    framework.configure(threads=1, device=device, precision="float32")
    return json.dumps(framework.device()._asdict())

"""Devices, leases, locks and child processes."""

import errno
import gc
import os
import signal
import subprocess
import sys
import types

import psutil
import pynvml
import pytest

from benchmarks.common import files, machine, process, processor
from benchmarks.common.errors import Problem
from benchmarks.common.machine import Gpu
from benchmarks.frameworks import devices
from benchmarks.training import peak_memory

CPU, GPU = {"kind": "cpu", "name": "CPU"}, {"kind": "gpu", "name": "H100"}
H100 = [Gpu(0, "H100", 80000.0)]


def test_one_framework_on_the_gpu_and_the_other_not_is_an_error_that_names_both():
    with pytest.raises(Problem, match="keras sees no GPU, pytorch sees a GPU") as raised:
        devices.check_same({"keras": CPU, "pytorch": GPU}, device="auto", gpus=H100)
    assert "requirements/cuda.txt" in raised.value.fix
    assert "device=cpu" in raised.value.fix


def test_a_gpu_that_no_framework_sees_is_an_error():
    with pytest.raises(Problem, match="this machine has a GPU"):
        devices.check_same({"keras": CPU, "pytorch": CPU}, device="auto", gpus=H100)


def test_a_gpu_that_is_asked_for_and_missing_is_an_error():
    with pytest.raises(Problem, match="requires a GPU"):
        devices.check_same({"keras": CPU}, device="gpu", gpus=[])


def test_like_devices_pass():
    devices.check_same({"keras": CPU, "pytorch": CPU}, device="auto", gpus=[])
    devices.check_same({"keras": CPU, "pytorch": CPU}, device="cpu", gpus=H100)
    devices.check_same({"keras": GPU, "pytorch": GPU}, device="auto", gpus=H100)


def test_devices_are_looked_at_once_for_the_same_question(tmp_path, monkeypatch):
    looked = []
    monkeypatch.setattr(machine, "gpus", list)
    monkeypatch.setattr(devices, "device_of", lambda name, device: looked.append(name) or CPU)
    path = tmp_path / "devices.json"
    devices.ensure_same(["keras", "pytorch"], "auto", path, bfloat16=False)
    devices.ensure_same(["keras", "pytorch"], "auto", path, bfloat16=False)
    assert sorted(looked) == ["keras", "pytorch"]  # side by side
    devices.ensure_same(["keras"], "auto", path, bfloat16=False)
    assert sorted(looked) == ["keras", "keras", "pytorch"]
    with pytest.raises(Problem, match="requires a GPU"):
        devices.ensure_same(["keras"], "gpu", path, bfloat16=False)


def test_a_gpu_is_leased_to_one_job_at_a_time(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "gpus", lambda: [Gpu(0, "H100", 1.0), Gpu(1, "H100", 1.0)])
    monkeypatch.setattr(machine.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with machine.leased_gpu("auto"):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
        with machine.leased_gpu("auto"):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
            with pytest.raises(Problem, match="every GPU is in use"), machine.leased_gpu("auto"):
                pass


def test_no_gpu_needs_no_lease(monkeypatch):
    monkeypatch.setattr(machine, "gpus", list)
    with machine.leased_gpu("auto"):
        pass


def test_the_slug_is_fit_for_a_folder(monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: [Gpu(0, "NVIDIA H100 80GB HBM3", 1.0)])
    assert machine.slug() == "nvidia-h100-80gb-hbm3"
    called(monkeypatch, "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", "sapphirerapids", cores=2)
    assert machine.slug("cpu") == "intel-xeon-platinum-8481c-sapphirerapids-2-cores"


def called(monkeypatch, name, microarchitecture, *, cores):
    monkeypatch.setattr(processor, "name", lambda: name)
    monkeypatch.setattr(processor, "microarchitecture", lambda: microarchitecture)
    monkeypatch.setattr(processor, "cores", lambda: cores)


@pytest.mark.parametrize(
    ("name", "microarchitecture", "slug"),
    [
        ("AMD EPYC", "zen3", "amd-epyc-zen3-2-cores"),
        ("AMD EPYC", "zen5", "amd-epyc-zen5-2-cores"),
        ("Apple M1", "m1", "apple-m1-2-cores"),
        ("aarch64", "neoverse_v1", "aarch64-neoverse-v1-2-cores"),
    ],
)
def test_generations_of_one_name_have_names_of_their_own(monkeypatch, name, microarchitecture, slug):
    called(monkeypatch, name, microarchitecture, cores=2)
    assert machine.slug("cpu") == slug


CPUINFO = """processor\t: 0
model name\t: AMD EPYC
cpu family\t: 26
model\t\t: 2
stepping\t: 1

processor\t: 1
model name\t: AMD EPYC
model\t\t: 99
"""


def test_the_processor_is_described_by_what_the_kernel_says_of_its_first_core(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    assert processor.model() == "" and processor.name()  # a system that says nothing there
    processor.CPUINFO.write_text(CPUINFO)
    assert (processor.name(), processor.model()) == ("AMD EPYC", "26 2 1")


def test_caches_are_named_by_level_and_kind(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "CACHES", tmp_path)
    assert processor.caches() == {}
    for index, (level, kind, size) in enumerate([("1", "Data", "48K"), ("2", "Unified", "2048K")]):
        folder = tmp_path / f"index{index}"
        folder.mkdir()
        for part, text in (("level", level), ("type", kind), ("size", size)):
            (folder / part).write_text(f"{text}\n")
    assert processor.caches() == {"L1 data": "48K", "L2": "2048K"}


class OneGpu:
    """NVML of one GPU, which does not tell its power limit."""

    NVMLError = pynvml.NVMLError
    NVML_CLOCK_SM = pynvml.NVML_CLOCK_SM

    def __getattr__(self, name):
        if name == "nvmlDeviceGetEnforcedPowerLimit":
            raise_error = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

            def refused(handle):
                raise raise_error

            return refused
        answers = {
            "nvmlInit": None,
            "nvmlDeviceGetCount": 1,
            "nvmlDeviceGetHandleByIndex": "handle",
            "nvmlDeviceGetName": b"NVIDIA H200",
            "nvmlDeviceGetMemoryInfo": types.SimpleNamespace(total=2**30),
            "nvmlDeviceGetCudaComputeCapability": (9, 0),
            "nvmlDeviceGetMaxClockInfo": 1980,
        }
        return lambda *arguments: answers[name]


def test_a_gpu_is_described_with_its_capability_and_clock_and_what_it_does_not_tell_is_none(monkeypatch):
    monkeypatch.setattr(machine, "pynvml", OneGpu())
    (gpu,) = machine.gpus()
    assert gpu == Gpu(0, "NVIDIA H200", 1024.0, "9.0", None, 1980)


HOLD = "import sys, pathlib, time; from benchmarks.common import files; {}"


def hold(folder, then):
    code = HOLD.format(f"files.lock_folder(pathlib.Path({str(folder)!r})); {then}")
    return [sys.executable, "-c", code]


def test_a_folder_has_one_run_at_a_time_and_is_free_after_kill_9(tmp_path):
    first = subprocess.Popen(
        hold(tmp_path, "print('held', flush=True); time.sleep(60)"), stdout=subprocess.PIPE
    )
    assert first.stdout.readline() == b"held\n"
    with pytest.raises(Problem, match=rf"process {first.pid}"):
        files.lock_folder(tmp_path)
    first.kill()
    first.wait()
    subprocess.run(hold(tmp_path, "pass"), check=True)


OWNING = """
import subprocess, sys, time
from benchmarks.common import guard
guard.start()
ignoring = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
print(subprocess.Popen([sys.executable, "-c", ignoring], start_new_session=True).pid, flush=True)
time.sleep(60)
"""


def test_what_belongs_to_a_workflow_is_killed_when_that_is_gone():
    owner = subprocess.Popen([sys.executable, "-c", OWNING], stdout=subprocess.PIPE)
    child = psutil.Process(int(owner.stdout.readline()))
    owner.kill()
    owner.wait()
    _, alive = psutil.wait_procs([child], timeout=15)
    assert not alive


def test_exit_codes_come_through_and_signals_are_negative():
    assert process.run([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    assert process.run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]) == -9


def test_what_a_forked_process_returns_comes_back():
    assert process.forked(lambda a, *, b: a + b, 1, b=2) == (3, 0)


def test_a_forked_process_does_not_collect_what_it_shares_and_the_other_one_still_does():
    n_objects = len(gc.get_objects())
    assert process.forked(gc.get_freeze_count)[0] > n_objects / 2
    assert gc.get_freeze_count() == 0
    (within, after), _ = process.forked(
        lambda: (process.forked(gc.get_freeze_count)[0], gc.get_freeze_count())
    )
    assert min(within, after) > n_objects / 2


def test_a_forked_process_that_is_killed_or_ends_returns_nothing_and_its_exit_code():
    assert process.forked(lambda: os.kill(os.getpid(), 9)) == (None, -9)
    assert process.forked(lambda: os._exit(3)) == (None, 3)


def test_a_full_disk_in_a_forked_process_is_one_message(capfd):
    def fills():
        raise OSError(errno.ENOSPC, "No space left on device", "results/x.json")

    assert process.forked(fills) == (None, 1)
    said = capfd.readouterr().err
    assert "error: results/x.json: No space left on device" in said and "Traceback" not in said


FORKING = """
import os, signal, sys, time
from benchmarks.common import process
signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's background starts with it ignored
def child():
    print(os.getpid(), flush=True)
    time.sleep(60)
process.forked(child)
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_forked_process_ends_with_the_one_that_forked_it(sent):
    parent = subprocess.Popen([sys.executable, "-c", FORKING], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(sent)
    parent.communicate(timeout=15)
    _, alive = psutil.wait_procs([child], timeout=15)
    assert not alive


class PlayedGpu:
    """NVML of a GPU that is held back by its power limit and does not tell its temperature."""

    def __getattr__(self, name):
        return getattr(pynvml, name)

    def nvmlDeviceGetHandleByIndex(self, index):
        return f"number {index}"

    def nvmlDeviceGetHandleByUUID(self, uuid):
        return f"UUID {uuid}"

    def nvmlDeviceGetPowerUsage(self, gpu):
        return {"number 1": 350_500, "UUID GPU-5": 120_000}[gpu]

    def nvmlDeviceGetCurrentClocksEventReasons(self, gpu):
        return pynvml.nvmlClocksThrottleReasonSwPowerCap | pynvml.nvmlClocksThrottleReasonGpuIdle

    def nvmlDeviceGetClockInfo(self, gpu, kind):
        return 1905

    def nvmlDeviceGetMaxClockInfo(self, gpu, kind):
        return 1980

    def nvmlDeviceGetTemperature(self, gpu, sensor):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


@pytest.mark.parametrize(("visible", "power_w"), [("1", 350.5), ("GPU-5,GPU-7", 120.0)])
def test_the_state_is_that_of_the_leased_gpu_and_says_what_holds_it_back(monkeypatch, visible, power_w):
    monkeypatch.setattr(machine, "gpus", lambda: [Gpu(0, "H100", 1.0), Gpu(1, "H100", 1.0)])
    monkeypatch.setattr(machine, "pynvml", PlayedGpu())
    monkeypatch.setattr(machine.os, "environ", {"CUDA_VISIBLE_DEVICES": visible})
    assert machine.gpu_state("auto") == {
        **{"clock_mhz": 1905, "highest_clock_mhz": 1980, "power_w": power_w},
        **{"temperature_c": None, "slowed_by": ["power limit"]},
    }
    assert machine.gpu_state("cpu") is None


class PartOfAGpu(PlayedGpu):
    """NVML in a container that has a part of a GPU: it tells nothing but names."""

    def nvmlInit(self):
        pass

    def nvmlDeviceGetCount(self):
        return 2

    def nvmlDeviceGetName(self, gpu):
        return {"number 0": "A100", "number 1": "H100"}[gpu]

    def nvmlDeviceGetHandleByUUID(self, uuid):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)

    def __getattr__(self, name):
        if name.startswith("nvmlDeviceGet"):
            return self._refused
        return getattr(pynvml, name)

    def _refused(self, *_):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NO_PERMISSION)


@pytest.fixture
def part_of_a_gpu(monkeypatch):
    monkeypatch.setattr(machine, "pynvml", PartOfAGpu())
    monkeypatch.setattr(peak_memory, "pynvml", PartOfAGpu())
    environment = {}
    monkeypatch.setattr(machine.os, "environ", environment)
    return environment


def test_what_a_part_of_a_gpu_does_not_tell_is_empty(part_of_a_gpu):
    first, _ = machine.gpus()
    assert (first.name, first.memory_mib, first.compute_capability) == ("A100", None, None)
    assert peak_memory.device_memory_mib() is None
    part_of_a_gpu["CUDA_VISIBLE_DEVICES"] = "MIG-1"
    assert machine.gpu_state("auto") is None


@pytest.mark.parametrize(
    ("visible", "name"), [(None, "a100"), ("1", "h100"), ("1,0", "h100"), ("MIG-1", "a100")]
)
def test_a_machine_is_named_by_the_gpu_that_is_used(part_of_a_gpu, visible, name):
    part_of_a_gpu |= {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert machine.slug() == name


@pytest.mark.parametrize("visible", ["", "-1"])
def test_a_gpu_that_is_hidden_is_none(part_of_a_gpu, visible):
    part_of_a_gpu["CUDA_VISIBLE_DEVICES"] = visible
    assert machine.gpus() == [] and machine.first_gpu() is None


def test_a_machine_without_a_gpu_has_no_state_of_one(monkeypatch):
    monkeypatch.setattr(machine, "gpus", list)
    assert machine.gpu_state("auto") is None

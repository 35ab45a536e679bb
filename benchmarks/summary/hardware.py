"""Which hardware results were measured on, from what their provenance says of the machine.

Two machines may have one name in results, since several generations of a processor share a name, and since
anyone may choose a name. Their results must not be mixed. The limits of a machine are those that its timing
processes have measured.
"""

from typing import Any

import numpy as np

TOLD_BY = {"cpu": "processor", "cpu_model": "model", "microarchitecture": "generation", "cores": "cores"}
"""What tells machines apart beside their GPUs, by its key in the provenance, in words."""
NOT_RECORDED = "not recorded"


def of(provenance: dict[str, Any]) -> dict[str, Any]:
    """What tells this machine from others; results of earlier versions did not record all of it."""
    machine = _machine(provenance)
    told = {word: machine.get(key, NOT_RECORDED) for key, word in TOLD_BY.items()}
    return {**told, "GPUs": ", ".join(_gpus(machine)) or "none"}


def difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    """What differs between two of these, `generation zen5 against zen3`; empty where nothing does."""
    return ", ".join(f"{word} {one[word]} against {other[word]}" for word in one if one[word] != other[word])


def line(provenance: dict[str, Any]) -> str:
    """Processor, generation, cores and GPUs in a line."""
    machine = _machine(provenance)
    generation = machine.get("microarchitecture", f"model {NOT_RECORDED}")
    processor = f"{machine['cpu']} ({generation})" if "cpu" in machine else ""
    cores = f"{machine['cores']} cores" if "cores" in machine else ""
    return ", ".join(filter(None, [processor, cores, *_gpus(machine)]))


def _machine(provenance: dict[str, Any]) -> dict[str, Any]:
    machine = provenance.get("machine")
    return machine if isinstance(machine, dict) else {}


def _gpus(machine: dict[str, Any]) -> list[str]:
    return [gpu["name"] for gpu in machine.get("gpus") or []]


def limits(found: list[dict]) -> dict:
    """Median and range over processes of each limit of the machine, from what each of them has measured.

    `found` is what `throughput.limits` measured.
    """
    precisions = dict.fromkeys(name for each in found for name in each["product_gflops"])
    products = {
        name: [each["product_gflops"][name] for each in found if name in each["product_gflops"]]
        for name in precisions
    }
    return {
        "n": len(found),
        "product_gflops": {name: _spread(values) for name, values in products.items()},
        **{name: _spread([each[name] for each in found]) for name in ("copy_gb_per_s", "start_us")},
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": float(np.median(values)), "lo": min(values), "hi": max(values)}

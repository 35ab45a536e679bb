"""The limits of the machine, of which every timing process has measured its own, together."""

import numpy as np


def together(found: list[dict]) -> dict:
    """Median and range over processes of each limit, from what `throughput.limits` measured in each."""
    precisions = dict.fromkeys(name for limits in found for name in limits["product_gflops"])
    products = {
        name: [limits["product_gflops"][name] for limits in found if name in limits["product_gflops"]]
        for name in precisions
    }
    return {
        "n": len(found),
        "product_gflops": {name: _spread(values) for name, values in products.items()},
        **{name: _spread([limits[name] for limits in found]) for name in ("copy_gb_per_s", "start_us")},
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": float(np.median(values)), "lo": min(values), "hi": max(values)}

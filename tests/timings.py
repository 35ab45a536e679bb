"""What pytest-benchmark says of a case."""

INFO = {
    "dataset": "digits",
    "model": "mlp",
    "framework": "keras",
    "step_kind": "momentum",
    "execution": "fused",
    "batch_size": 2,
    "threads": 2,
    "process": 0,
    "status": "measured",
    "compile_s": None,
    "first_step_s": 0.5,
    "input_share": 0.25,
    "steps_per_round": 10,
    "start_s": 0.0,
    "call_steps": 5,
    "disturbance": {"others_cpu_share": 0.0, "probe_ms": 1.0, "probe_drift": 1.0, "gap_share": 0.0},
    "flops_per_example": 1_000_000,
    "product_precision": "float32",
    "measuring_s": 1.5,
}


def benchmark_of(rounds_s, **changes):
    return {"extra_info": {**INFO, **changes}, "stats": {"data": rounds_s}}

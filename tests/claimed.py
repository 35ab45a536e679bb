"""Made-up measurements that claims are judged by, and how tests ask for what a claim finds in them."""

import dataclasses
import math

import numpy as np
import pandas as pd
import searched
import synthetic

from benchmarks.publish import claims, results

SIZES = [8, 32, 64, 256, 1024, 4096]
SEEDS = range(5)


def throughput(speed, *, framework="keras", execution="fused", processes=5, share=None, sizes=None):
    """Timings of one workload: examples per second by batch size, with 1 % of noise between processes."""
    noise = np.random.default_rng(2)
    rows = [
        {"dataset": "mnist", "model": "mlp", "framework": framework, "step_kind": "momentum"}
        | {"execution": execution, "batch_size": size, "process": process, "status": "measured"}
        | {"samples_per_s": speed(size) * noise.lognormal(0, 0.01), "disturbed": ""}
        | {"input_share": share(size) + noise.normal(0, 0.01) if share else math.nan}
        for size in sizes or SIZES
        for process in range(processes)
    ]
    return pd.DataFrame(rows)


def runs(arm="tuned", *, missed=(), seeds=SEEDS, sizes=SIZES, **quantities):
    """Runs of one workload in Keras: each quantity by batch size, with 1 % of noise between seeds."""
    noise = np.random.default_rng(3)
    rows = []
    for size in sizes:
        for seed in seeds:
            row = {"dataset": "mnist", "model": "mlp", "framework": "keras", "arm": arm, "batch_size": size}
            row |= {"seed": seed, "status": "reached", "examples": 1e6, "examples_resolution": 500.0}
            row |= {"examples_to_target": 5e4, "time_to_target_s": math.nan, "train_accuracy": 0.99}
            row |= {"disturbed": "", "training_samples_per_s": 1e4}
            row |= {name: value(size) * noise.lognormal(0, 0.01) for name, value in quantities.items()}
            if size in missed:
                row |= {"examples_to_target": math.nan, "time_to_target_s": math.nan, "status": "missed"}
            rows.append(row)
    return pd.DataFrame(rows)


def law(size):
    return searched.E_MIN * (1 + size / searched.B_CRIT)


def without_measurements(tmp_path_factory):
    """The results of a study of one cell in one framework, whose tables the tests replace."""
    known = results.read(synthetic.write(tmp_path_factory.mktemp("claims")))
    summary = known.summary.query("dataset == 'mnist' and framework == 'keras'")
    names = {"dataset": "mnist", "model": "mlp", "arm": "tuned", "framework": "keras"}
    ends = {"critical_batch_lo": 0.9 * searched.B_CRIT, "critical_batch_hi": 1.1 * searched.B_CRIT}
    laws = pd.DataFrame([names | {"critical_batch": searched.B_CRIT} | ends])
    tuned = {"rates": searched.rates(SIZES), "critical_batch": laws}
    return dataclasses.replace(known, summary=summary, throughput=known.throughput.iloc[:0], **tuned)


def judged(known, name):
    """The evidence of the one place at which a claim is judged."""
    claim = claims.claims()[name]
    (found,) = claims.evidence_of(known, claim).values()
    return found


def told(found):
    return "holds" if found.p_supported < 0.05 else "fails" if found.p_refuted < 0.05 else "not told"


def saturating(size):
    return 1e5 / (1 + 200 / size)

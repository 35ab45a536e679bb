"""How names and numbers are written, the same in tables, figures and the report."""

import math
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd

from benchmarks.datasets.part import of_slug

NAMES = {
    "keras": "Keras",
    "keras-jax": "Keras/JAX",
    "keras-torch": "Keras/PyTorch",
    "pytorch": "PyTorch",
    "numpy": "NumPy",
    "mnist": "MNIST",
    "mnist1d": "MNIST-1D",
    "fashion_mnist": "Fashion-MNIST",
    "digits": "Digits",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "tinyshakespeare": "Tiny Shakespeare",
    "logistic": "Logistic regression",
    "mlp": "MLP",
    "f1": "F1",
    "cnn": "CNN",
    "cnn_gn": "CNN-GN",
    "c1": "C1",
    "resnet8": "ResNet-8",
    "resnet8_gn": "ResNet-8-GN",
    "resnet20": "ResNet-20",
    "resnet20_gn": "ResNet-20-GN",
    "transformer": "Transformer",
}
NOTHING = "—"


def name(slug: str) -> str:
    """The usual name of a dataset, model or framework, or the slug itself where it has none.

    Of a part of a data set, its name says which part: `MNIST (fraction 0.25)`.
    """
    base, part = of_slug(slug)
    told = ", ".join(f"{which} {value:g}" for which, value in part._asdict().items() if value != 1)
    return f"{NAMES.get(base, base)} ({told})" if told else NAMES.get(slug, slug)


def workload(pair: tuple[str, str]) -> str:
    """A (dataset, model) as a heading."""
    return f"{name(pair[0])}, {name(pair[1])}"


def timed(key: tuple[str, str, str], *, several: bool) -> str:
    """A (dataset, model, step kind) as a heading; the step kind is named where a study has several."""
    return f"{workload(key[:2])} · {key[2]}" if several else workload(key[:2])


def number(value: float) -> str:
    """Three significant digits, with thousands separators: 58898 is 58,900 and 0.01234 is 0.0123."""
    if pd.isna(value):
        return NOTHING
    if math.isinf(value):
        return "∞"
    if value == 0:
        return "0"
    rounded = float(f"{value:.2e}")
    decimals = 2 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(0, decimals)}f}" if decimals < 7 else f"{rounded:.2e}"


def difference(value: float | None) -> str:
    """A relative difference in two digits, as 3.1e-15; empty where two values cannot be compared."""
    if pd.isna(value):
        return NOTHING
    return f"{value:.1e}" if value else "0"


def whole(value: float) -> str:
    """A count, exact, with thousands separators."""
    return NOTHING if pd.isna(value) else f"{round(value):,}"


def rough(value: float) -> str:
    """A count in two significant digits, with thousands separators: 4896705 is 4,900,000."""
    return NOTHING if pd.isna(value) else f"{float(f'{value:.1e}'):,.0f}"


def percent(share: float, *, decimals: int = 1) -> str:
    """A share in 0..1 in per cent, without the sign: 0.9515, which no float is, becomes 95.2 and not 95.1."""
    if pd.isna(share) or math.isinf(share):
        return number(share)
    exact = 100 * Decimal(repr(float(share)))
    return f"{exact.quantize(Decimal(10) ** -decimals, ROUND_HALF_UP):f}"


UNRESOLVED = 100
"""From this ratio of its ends on, an interval says no more than that the value is not resolved."""


def region(least: float, most: float) -> str:
    """Between which numbers something must lie; one of them may be infinite."""
    if math.isinf(most):
        return f"> {number(least)}"
    return f"< {number(most)}" if math.isinf(least) else f"{number(least)} to {number(most)}"


def interval(value: float, lo: float, hi: float) -> str:
    """A value with its interval, or alone where there is no interval."""
    if math.isnan(value) or (math.isnan(lo) and math.isnan(hi)):
        return number(value)
    if 0 < lo < hi / UNRESOLVED < math.inf:
        return f"{number(value)} [not resolved]"
    return f"{number(value)} [{number(lo)}, {number(hi)}]"

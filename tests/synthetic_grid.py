"""The grid of a study whose results are made from formulas, and the verdicts on its arms."""

from dataclasses import dataclass, field

WORKLOADS = {
    ("mnist", "mlp"): {"sizes": [1, 4, 16, 64, 256, 1024, 4096, 16384, 55000], "n": 55000, "target": 0.97},
    ("digits", "cnn"): {"sizes": [1, 4, 8, 16, 32, 64, 128, 256, 1437], "n": 1437, "target": 0.97},
}
SPEEDS = {
    "keras": (2.2e3, 2.3e5),
    "keras-jax": (6.7e3, 1.7e5),
    "keras-torch": (0.6e3, 0.9e5),
    "pytorch": (3.1e3, 1.6e5),
    "numpy": (4.9e3, 0.6e5),
}
"""Examples per second at B = 1, and at most."""
SEEDS = 3


@dataclass(frozen=True)
class Grid:
    """Which frameworks and arms a study has; the arms with the step kind of each."""

    frameworks: tuple[str, ...] = ("keras", "pytorch")
    arms: dict[str, str] = field(
        default_factory=lambda: {"fixed-lr": "momentum", "linear-lr": "momentum"}, hash=False
    )

    @property
    def step_kinds(self) -> list[str]:
        return list(dict.fromkeys(self.arms.values()))


PLAIN = Grid()
RICH = Grid(
    tuple(SPEEDS),
    {
        "fixed-lr": "momentum",
        "linear-lr": "momentum",
        "adam-clip": "adam-coupled-clip",
        "framework-dropout": "momentum-framework-dropout",
    },
)
"""Five frameworks and three step kinds, of which one draws random numbers inside the frameworks."""


def verdict(step_kind: str) -> str:
    return "statistical" if step_kind.endswith("framework-dropout") else "certified"

"""A claim about batch size, and the criterion that it is judged by."""

import math
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import model_validator

from benchmarks.common.value import Value

EVERYTHING = (-math.inf, math.inf)
CLAIMS = Path(__file__).with_name("claims.yaml")


class Criterion(Value):
    """A region of an effect, by its ends; either may be open."""

    above: float | None = None
    below: float | None = None

    @property
    def region(self) -> tuple[float, float]:
        """The least and the most of the effect."""
        least, most = EVERYTHING
        return (
            least if self.above is None else self.above,
            most if self.below is None else self.below,
        )


class Claim(Criterion):
    """A claim; `claims.yaml` says what the fields are.

    A claim without a `judge` is not measured yet, and has no more than its sentence, criterion and needs.
    """

    name: str
    sentence: str
    heard_in: str = ""
    supported_if: str
    needs: str
    judge: str | None = None
    unit: Literal["ratio", "points", "slope", "correlation", "octaves"] = "ratio"
    effect: str = ""
    fewest: int = 0
    always: bool = False
    figure: str = ""

    @model_validator(mode="after")
    def _complete(self) -> "Claim":
        known = self.region != EVERYTHING and self.region[0] < self.region[1]
        if self.judge and not (known and self.fewest and self.figure and self.effect):
            raise ValueError(f"{self.name}: a judge needs above or below, fewest, effect and figure")
        return self


@cache
def claims() -> dict[str, Claim]:
    """Every claim by its name, in the order of the file."""
    return {claim["name"]: Claim(**claim) for claim in yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))}

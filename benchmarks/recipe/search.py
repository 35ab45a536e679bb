"""The search of an arm for its learning rate: where it looks, and from which seeds."""

import math
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from benchmarks.common.value import Value
from benchmarks.recipe.optimizer import Float32, NotNegative, Optimizer, Positive, Share

TUNE = "tune"
"""Stands in the place of a learning rate that is searched for."""
ROUNDING = 1e-9
"""Octaves by which the ends of a range may be missed."""
Ends = tuple[Float32, Float32]
"""The lower and the upper end of a range."""


class Candidate(Value):
    """The settings that a search may choose; None is a setting that the arm itself gives."""

    learning_rate: Positive
    momentum: Share | None = None
    weight_decay: NotNegative | None = None

    def applied(self, optimizer: Optimizer) -> Optimizer:
        """The optimizer with these settings."""
        return Optimizer.model_validate(optimizer.model_dump() | self.model_dump(exclude_none=True))


class Search(Value):
    """Where an arm's learning rate is looked for, at every batch size of a workload.

    The candidates are the powers 2^(k / `points_per_octave`) in the range `learning_rate`. With a range of
    `momentum` or `weight_decay` too, they are `candidates` points of a scrambled Sobol sequence, uniform in
    the logarithms of the rate, of 1 − momentum and of the decay. Each is trained from all `seeds`. With the
    `goal` `steps` the best needs the fewest steps to the target, from the worst of them; with `accuracy` it
    has the best validation accuracy within the budget, on average over them. Along the rates, the search
    goes outwards from where it starts, and ends on a side after `patience` candidates in a row that are
    worse than the best.
    """

    goal: Literal["steps", "accuracy"] = "steps"
    learning_rate: Ends
    points_per_octave: int = Field(default=1, ge=1, le=16)
    momentum: Ends | None = None
    weight_decay: Ends | None = None
    candidates: int | None = Field(default=None, ge=2, le=4096)
    seeds: list[Annotated[int, Field(ge=0, lt=2**32, strict=True)]] = [1000, 1001]
    patience: int = Field(default=2, ge=1, le=1000)

    @field_validator("learning_rate", "momentum", "weight_decay")
    @classmethod
    def _ascending(cls, ends: Ends | None) -> Ends | None:
        """Refuse a range that is reversed, or does not lie above 0."""
        if ends and not 0 < ends[0] <= ends[1]:
            raise ValueError("a range is two numbers above 0, the smaller one first")
        return ends

    @field_validator("seeds")
    @classmethod
    def _several(cls, seeds: list[int]) -> list[int]:
        """Refuse one seed alone, whose luck the search would follow, and a seed named twice."""
        if len(set(seeds)) < max(2, len(seeds)):
            raise ValueError("a search needs at least two seeds, each named once")
        return seeds

    @model_validator(mode="after")
    def _has_candidates(self) -> "Search":
        """Refuse a range without a candidate, and settings that would have no effect."""
        if self.momentum and self.momentum[1] >= 1:
            raise ValueError("momentum is below 1")
        if (self.candidates is not None) != self.in_several_dimensions:
            raise ValueError("candidates belongs to a range of momentum or weight_decay, and needs one")
        if not self.in_several_dimensions and not self.exponents:
            raise ValueError("learning_rate: no candidate 2^(k / points_per_octave) lies in that range")
        return self

    @property
    def in_several_dimensions(self) -> bool:
        """Whether more than the learning rate is searched for."""
        return bool(self.momentum or self.weight_decay)

    @property
    def exponents(self) -> range:
        """The k of the candidates 2^(k / `points_per_octave`), ascending."""
        lowest, highest = (self.points_per_octave * math.log2(end) for end in self.learning_rate)
        return range(math.ceil(lowest - ROUNDING), math.floor(highest + ROUNDING) + 1)

    def on_grid(self, exponent: int) -> Candidate:
        """The candidate of this k, which may lie outside the range."""
        return Candidate(learning_rate=2.0 ** (exponent / self.points_per_octave))

    def nearest(self, rate: float) -> Candidate:
        """The candidate of the range that is nearest to a rate, in octaves."""
        exponent = round(self.points_per_octave * math.log2(rate))
        return self.on_grid(min(max(exponent, self.exponents[0]), self.exponents[-1]))

    @property
    def start(self) -> Candidate:
        """The middle of the range, where a search without a neighbour starts."""
        if self.in_several_dimensions:
            return Candidate(learning_rate=math.sqrt(math.prod(self.learning_rate)))
        return self.on_grid(self.exponents[len(self.exponents) // 2])

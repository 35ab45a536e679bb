"""Arms: named sets of training settings, compared with one another at every batch size."""

import math
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from benchmarks.common.value import Value
from benchmarks.recipe.growth import Growth
from benchmarks.recipe.optimizer import BETA_2, NotNegative, Optimizer, Positive, Schedule, Share, as_float32
from benchmarks.recipe.search import TUNE, Search

SETTINGS_OF = {
    "sgd": set(),
    "momentum": {"momentum"},
    "nesterov": {"momentum"},
    "adam": {"beta_1", "beta_2", "epsilon", "beta_2_reference"},
    "adamw": {"beta_1", "beta_2", "epsilon", "beta_2_reference"},
}
"""The settings that only some optimizers have, by optimizer."""
REFERENCE_BATCH_SIZE = 64
"""The default for an arm that scales its learning rate with the batch size."""
NUMBER = "number"
Rate = Annotated[
    Annotated[Positive, Tag(NUMBER)] | Annotated[Literal["tune"], Tag(TUNE)],
    Discriminator(lambda rate: TUNE if rate == TUNE else NUMBER),
]
"""A learning rate, or the word that it is searched for."""


class Arm(Value):
    """An optimizer with its schedule, a rule that scales its learning rate with B, and what layers are given.

    B is the batch size. `scaling`: `none` uses `learning_rate` at every B; `linear` multiplies it by
    B / `reference_batch_size` (Goyal et al. 2017, arXiv 1706.02677, section 2.1); `sqrt` multiplies it by
    the square root of that ratio (Krizhevsky 2014, arXiv 1404.5997, section 5). With `beta_2_reference` B*,
    β₂ is raised to the power B / B*, so that it forgets after the same number of examples at every B (Marek
    et al. 2025). With the learning rate `tune`, `search` says where the rate of each B is looked for. The
    other settings are those of `recipe.optimizer.Optimizer`; None stands for the default given there.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)
    optimizer: Literal["sgd", "momentum", "nesterov", "adam", "adamw"] = "momentum"
    learning_rate: Rate
    search: Search | None = None
    momentum: Annotated[Share, Field(gt=0)] | None = None
    beta_1: Share | None = None
    beta_2: Share | None = None
    beta_2_reference: int | None = Field(default=None, ge=1)
    epsilon: Positive | None = None
    weight_decay: NotNegative = 0.0
    decay: Literal["coupled", "decoupled"] | None = None
    clip_norm: Positive | None = None
    accumulation: Literal[2, 4, 8] | None = None
    schedule: Schedule = Schedule()
    scaling: Literal["none", "linear", "sqrt"]
    reference_batch_size: int | None = Field(default=None, ge=1)
    augmentation: list[Literal["shift", "flip"]] = []
    randomness: Literal["shared", "framework"] = "shared"
    ghost_batch: int | None = Field(default=None, ge=2)
    mixed_precision: Literal["bfloat16"] | None = None
    growth: Growth | None = None

    @model_validator(mode="after")
    def _settings_belong_to_the_optimizer(self) -> "Arm":
        """Require a momentum where the optimizer has one, and refuse settings that would have no effect."""
        available = SETTINGS_OF[self.optimizer]
        if "momentum" in available and self.momentum is None:
            raise ValueError(f"{self.optimizer} needs a momentum")
        for name in ("momentum", "beta_1", "beta_2", "epsilon", "beta_2_reference"):
            if name not in available and getattr(self, name) is not None:
                raise ValueError(f"{self.optimizer} has no {name}")
        if self.scaling == "none" and self.reference_batch_size is not None:
            raise ValueError("reference_batch_size has no effect with scaling none")
        if self.beta_2_reference and self.beta_2 == 0:
            raise ValueError("beta_2_reference needs a beta_2 above 0")
        if self.optimizer == "adamw" and self.decay == "coupled":
            raise ValueError("adamw always decouples its weight decay; use adam to couple it")
        if self.decay and not self.weight_decay:
            raise ValueError(f"{self.decay} decay needs a weight_decay above 0")
        if len(set(self.augmentation)) < len(self.augmentation):
            raise ValueError("an augmentation is named twice")
        return self

    @model_validator(mode="after")
    def _search_belongs_to_tune(self) -> "Arm":
        """Require a search for a rate that is tuned, and refuse one that would have no effect."""
        if self.tuned != (self.search is not None):
            raise ValueError("learning_rate: tune needs a search, and no other learning_rate has one")
        if self.tuned and self.scaling != "none":
            raise ValueError("a tuned learning_rate is found at every batch size; set scaling: none")
        if self.search and self.search.momentum and self.momentum is None:
            raise ValueError(f"search: {self.optimizer} has no momentum")
        if self.search and self.search.weight_decay and not self.weight_decay:
            raise ValueError("search: a weight_decay that is searched for needs one above 0 in the arm too")
        return self

    @model_validator(mode="after")
    def _growth_is_in_place_of_a_schedule(self) -> "Arm":
        """Refuse growth beside a schedule, whose parts would be those of other steps, and beside a search."""
        if self.growth and self.schedule != Schedule():
            raise ValueError("growth takes the place of a schedule; remove one of the two")
        if self.growth and self.beta_2_reference:
            raise ValueError("growth keeps the beta_2 of its first batch size; remove beta_2_reference")
        if self.growth and self.tuned:
            raise ValueError("growth has no search; give the learning rate that is found without growth")
        return self

    @property
    def tuned(self) -> bool:
        """Whether the learning rate is searched for."""
        return self.learning_rate == TUNE

    def tuned_for(self, goal: str) -> bool:
        """Whether the learning rate is searched for with this goal."""
        return bool(self.search and self.search.goal == goal)

    def batch_sizes(self, first: int) -> list[int]:
        """The batch sizes of a training that begins with this one."""
        return self.growth.batch_sizes(first) if self.growth else [first]

    @property
    def at_start(self) -> "Arm":
        """The arm with a learning rate: if it is searched for, the one where the search starts."""
        if self.search is None:
            return self
        return self.model_copy(update={"learning_rate": self.search.start.learning_rate, "search": None})

    def optimizer_at(self, batch_size: int, *, total_steps: int) -> Optimizer:
        """The optimizer of this arm at one batch size, with a budget of `total_steps` steps.

        That of a learning rate to be tuned has the one where the search starts.
        """
        ratio = batch_size / (self.reference_batch_size or REFERENCE_BATCH_SIZE)
        scale = {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}[self.scaling]
        names = ("momentum", "beta_1", "beta_2", "epsilon", "weight_decay", "decay", "clip_norm")
        names += ("accumulation", "schedule")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        if self.beta_2_reference:
            beta_2 = as_float32(BETA_2) if self.beta_2 is None else self.beta_2
            given["beta_2"] = beta_2 ** (batch_size / self.beta_2_reference)
        rate = self.at_start.learning_rate * scale
        return Optimizer(name=self.optimizer, learning_rate=rate, total_steps=total_steps, **given)

    @property
    def step_kind(self) -> str:
        """Name of everything that a step's time and memory depend on; arms of one kind are timed once."""
        decoupled = self.decay == "decoupled" or self.optimizer == "adamw"
        decay = ["decoupled" if decoupled else "coupled"] if self.weight_decay else []
        clip = ["clip"] if self.clip_norm else []
        dropout = ["framework-dropout"] if self.randomness == "framework" else []
        parts = [f"accumulation{self.accumulation}"] if self.accumulation else []
        ghost = [f"ghost{self.ghost_batch}"] if self.ghost_batch else []
        mixed = [self.mixed_precision] if self.mixed_precision else []
        return "-".join([self.optimizer, *decay, *clip, *parts, *self.augmentation, *dropout, *ghost, *mixed])

    @property
    def in_a_trace(self) -> "Arm":
        """The arm without its name, what its learning rate follows from, and how its batch grows.

        These show in runs alone, so that arms that differ in nothing else share the rest of a certificate.
        """
        rates = {"learning_rate": 1.0, "search": None, "scaling": "none", "reference_batch_size": None}
        return self.model_copy(update={"name": "", "growth": None, **rates})

    @property
    def for_timing(self) -> "Arm":
        """An arm of the same step kind under which no model diverges; it is only timed, never trained with.

        Timings need finite parameters: arithmetic on NaN or on denormal numbers runs at a different speed.
        """
        return Arm(
            name=self.step_kind,
            optimizer=self.optimizer,
            learning_rate=2**-10,
            momentum=0.875 if self.momentum is not None else None,
            weight_decay=2**-10 if self.weight_decay else 0.0,
            decay=self.decay,
            clip_norm=1.0 if self.clip_norm else None,
            accumulation=self.accumulation,
            scaling="none",
            augmentation=self.augmentation,
            randomness=self.randomness,
            ghost_batch=self.ghost_batch,
            mixed_precision=self.mixed_precision,
        )

"""Arms: named sets of training settings, compared with one another at every batch size."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from benchmarks.recipe.optimizer import Momentum


class Arm(BaseModel):
    """How the learning rate follows the batch size B.

    `none` keeps `learning_rate` at every B; `linear` multiplies it by B / `reference_batch_size`
    (Goyal et al. 2017, arXiv 1706.02677, section 2.1).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    learning_rate: float = Field(gt=0)
    momentum: float = Field(ge=0, lt=1)
    scaling: Literal["none", "linear"]
    reference_batch_size: int = Field(default=64, ge=1)

    def optimizer(self, batch_size: int) -> Momentum:
        """The optimizer of this arm at one batch size."""
        scale = batch_size / self.reference_batch_size if self.scaling == "linear" else 1.0
        return Momentum(learning_rate=self.learning_rate * scale, momentum=self.momentum)

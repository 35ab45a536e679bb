"""Frozen values that refuse fields they do not know: what studies, recipes and records are made of."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value of finite numbers; it refuses fields it does not know, and checks its defaults too."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

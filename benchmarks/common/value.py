"""The base class of the values that studies, recipes and records consist of."""

from pydantic import BaseModel, ConfigDict

INERT = r"(?s)(?![=+\-@\t\r])(?!.*<[a-zA-Z/!?])"
"""What a text of results must match from its start: no formula to a spreadsheet, no element of HTML. Results
may come from anybody, and what they hold ends up in tables and pages."""


class Value(BaseModel):
    """An immutable value that refuses unknown fields and infinite numbers or NaN, in its defaults too."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

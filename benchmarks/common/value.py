"""The base class of the values that studies, recipes and records consist of."""

from pydantic import BaseModel, ConfigDict

INERT = r"(?s)(?![=+\-@\t\r])(?!.*<[a-zA-Z/!?])(?!.*[\x00-\x08\x0b-\x1f\x7f])"
"""What a text of results must match from its start: no formula to a spreadsheet, no element of HTML, nothing
that controls a terminal. Results may come from anybody, and what they hold ends up in tables and pages."""


class Value(BaseModel):
    """An immutable value that refuses unknown fields and infinite numbers or NaN, in its defaults too."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

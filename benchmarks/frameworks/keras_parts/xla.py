"""The flags of XLA, which it reads from the environment when it starts."""

import os

KEEP_ROUNDING = "--xla_allow_excess_precision=false"
"""With this flag, a number that a model rounds to bfloat16 is rounded, even where more digits are at hand."""


def add_flags(*flags: str) -> None:
    """Add those flags to the environment that it does not have yet."""
    given = os.environ.get("XLA_FLAGS", "").split()
    os.environ["XLA_FLAGS"] = " ".join(dict.fromkeys([*given, *flags]))

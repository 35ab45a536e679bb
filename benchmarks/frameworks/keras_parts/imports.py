"""Keeps packages out of a process that Keras would import only because they are installed."""

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def without(*packages: str) -> Iterator[None]:
    """Inside, these packages count as not installed.

    Keras imports some where it finds them, for conversions that are not used here. Without them it starts
    sooner, its memory does not depend on what else an environment holds, and a process has one framework.
    """
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for package in hidden:
            sys.modules.pop(package)

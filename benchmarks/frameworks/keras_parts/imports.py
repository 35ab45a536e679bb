"""Keeps Keras from importing packages that it does not need here, only because they are installed."""

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def without(*packages: str) -> Iterator[None]:
    """Make imports inside the `with` block find none of these packages.

    Keras imports some packages if they are installed, for conversions that are not used here. Without them
    it starts sooner, its memory does not depend on what else is installed, and a process has only one
    framework.
    """
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for package in hidden:
            sys.modules.pop(package)

"""The user's own text: `text:PATH`, any UTF-8 file, read character by character.

The vocabulary is the characters that occur in the file, in the order of their code points. Examples
are windows of 64 characters that do not overlap; the label of each position is the character after
it. What does not fill a last window is left out. Nine tenths train, and the last two twentieths
validate and test: neighbouring windows stay together, since they know of one another.
"""

from pathlib import Path

import numpy as np

from benchmarks.common.errors import Problem
from benchmarks.datasets import user_data
from benchmarks.datasets.dataset import RawArrays, Split, integers_for

KIND = "tokens"
WINDOW = 64
FEWEST_WINDOWS = 20


def files(location: str) -> list[Path]:
    """The one file."""
    return [user_data.existing_file(location)]


def split(location: str) -> Split:
    """Numbers of windows."""
    return divided(_characters(location), location=location)


def shape(location: str) -> tuple[int, ...]:
    """That of every window."""
    return (WINDOW,)


def load(location: str) -> user_data.Loaded:
    """The whole file as windows of tokens.

    Raises:
        Problem: no such file, not UTF-8, too short, or only one character over and over.
    """
    text = _characters(location)
    parts = divided(text, location=location)
    arrays, n_classes = windows(text, n_test=parts.test)
    if n_classes < 2:
        raise Problem(f"text {location} holds one character alone: {text[0]!r}", fix="give another text")
    return user_data.Loaded(arrays, classes=range(n_classes), scale=1.0, split=parts)


def _characters(location: str) -> str:
    path = user_data.existing_file(location)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        cause = f"text {path} is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
        raise Problem(cause, fix="save it as UTF-8, as with `iconv -t utf-8`") from error


def divided(text: str, *, location: str) -> Split:
    """How many windows of a text train, validate and test.

    Raises:
        Problem: the text is too short.
    """
    n = (len(text) - 1) // WINDOW
    if n < FEWEST_WINDOWS:
        cause = f"text {location} has {len(text):,} characters"
        raise Problem(cause, fix=f"give at least {FEWEST_WINDOWS * WINDOW + 1:,}")
    twentieth = n // 20
    return Split(n - 2 * twentieth, twentieth, twentieth)


def windows(text: str, *, n_test: int) -> tuple[RawArrays, int]:
    """The four raw arrays, [N, 64] each, the last `n_test` windows for the test; size of the vocabulary."""
    characters = np.frombuffer(text.encode("utf-32-le"), "<u4")
    vocabulary, tokens = np.unique(characters, return_inverse=True)
    tokens = tokens.astype(integers_for(len(vocabulary)))
    length = (len(tokens) - 1) // WINDOW * WINDOW
    x, y = tokens[:length].reshape(-1, WINDOW), tokens[1 : length + 1].reshape(-1, WINDOW)
    arrays = {"train_x": x[:-n_test], "train_y": y[:-n_test], "test_x": x[-n_test:], "test_y": y[-n_test:]}
    return arrays, len(vocabulary)

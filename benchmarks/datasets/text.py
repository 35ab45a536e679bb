"""The user's own text: `text:PATH`, any UTF-8 file, read character by character.

The vocabulary consists of the characters in the file, in the order of their code points. Examples are
windows of 64 characters that do not overlap; the label of each position is the next character. Characters
that do not fill a last window are left out. The first nine tenths of the windows are used for training, the
next twentieth for validation and the last for the test: windows are not shuffled, because neighbouring ones
share words.
"""

import codecs
import shlex
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
    """Numbers of training, validation and test windows."""
    return windows_split(_characters(location), location=location)


def shape(location: str) -> tuple[int, ...]:
    """Shape of every window, (64,)."""
    return (WINDOW,)


def load(location: str) -> user_data.Loaded:
    """Read the file and cut it into windows of tokens.

    Raises:
        Problem: there is no such file, or it is not UTF-8, too short, or has only one character.
    """
    text = _characters(location)
    parts = windows_split(text, location=location)
    arrays, n_classes = windows(text, n_test=parts.test)
    if n_classes < 2:
        raise Problem(f"text {location} has only one character, {text[0]!r}", fix="use another text")
    return user_data.Loaded(arrays, classes=range(n_classes), scale=1.0, split=parts)


def _characters(location: str) -> str:
    path = user_data.existing_file(location)
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        cause = f"text {path} is not UTF-8: byte {error.start} is {content[error.start]:#04x}"
        raise Problem(cause, fix=_conversion(content, path)) from error
    if "\0" in text:  # which no text has, but every UTF-16 of Latin letters
        fix = _conversion(content, path) if _of_two_bytes(content) else "remove them"
        raise Problem(f"text {path} holds characters 0", fix=fix)
    return text


def _of_two_bytes(content: bytes) -> bool:
    """Whether so many bytes are 0 that it must be UTF-16 without its mark."""
    return content.count(b"\0") > len(content) / 10


def _conversion(content: bytes, path: Path) -> str:
    """How to convert a text that is not UTF-8 from what it is most likely written in."""
    marks = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32"}
    marks |= {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
    known = next((encoding for mark, encoding in marks.items() if content.startswith(mark)), "")
    if not known and _of_two_bytes(content):
        known = "UTF-16BE" if content[:1] == b"\0" else "UTF-16LE"
    name = shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))
    guess = "" if known else " if it is Latin-1 (`iconv -l` lists other encodings)"
    return f"save it as UTF-8, with `iconv -f {known or 'LATIN1'} -t UTF-8 {name} > utf8.txt`{guess}"


def windows_split(text: str, *, location: str) -> Split:
    """Numbers of training, validation and test windows of a text.

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
    """The four raw arrays, [N, 64] each, with `n_test` windows for the test, and the vocabulary's size."""
    characters = np.frombuffer(text.encode("utf-32-le"), "<u4")
    vocabulary, tokens = np.unique(characters, return_inverse=True)
    tokens = tokens.astype(integers_for(len(vocabulary)))
    length = (len(tokens) - 1) // WINDOW * WINDOW
    x, y = tokens[:length].reshape(-1, WINDOW), tokens[1 : length + 1].reshape(-1, WINDOW)
    arrays = {"train_x": x[:-n_test], "train_y": y[:-n_test], "test_x": x[-n_test:], "test_y": y[-n_test:]}
    return arrays, len(vocabulary)

"""Image files of any format that Pillow reads, decoded into one array."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from benchmarks.common.errors import Problem

CHANNELS = {"L": 1, "RGB": 3}
# Threads wait for the disk together, and decoders of large images release Python's lock. Those of
# small ones hardly do: more threads than these would wait for one another.
N_THREADS = 4
CHUNK = 256
N_NAMED = 3


class Form(NamedTuple):
    """Width, height and Pillow's mode of an image."""

    width: int
    height: int
    mode: str

    def __str__(self) -> str:
        return f"{self.width} wide, {self.height} high, {self.mode}"


class Unreadable(NamedTuple):
    """An image that cannot be decoded, and why."""

    path: Path
    reason: Exception


def decoded(paths: Sequence[Path], *, target: tuple[int, int] | None) -> np.ndarray:
    """All images, uint8 [N, H, W, C]; as they are, or RGB and resized to `target` (width, height).

    Raises:
        Problem: images that cannot be read, or whose sizes or modes do not go together; names them.
    """
    pixels = np.empty((len(paths), *shape(paths, target=target)), np.uint8)

    def decode(index: int, path: Path) -> None:
        with Image.open(path) as image:
            if target:
                image = image.convert("RGB").resize(target, Image.Resampling.BILINEAR)
            pixels[index] = np.asarray(image).reshape(pixels.shape[1:])

    _each(decode, paths)
    return pixels


def shape(paths: Sequence[Path], *, target: tuple[int, int] | None) -> tuple[int, int, int]:
    """Height, width and channels that all these images have or are brought to.

    Raises:
        Problem: as `decoded`.
    """
    form = _common(_each(_form, paths), paths, target=target)
    return form.height, form.width, CHANNELS[form.mode]


def _form(_: int, path: Path) -> Form:
    """From the file's head, without decoding its pixels."""
    with Image.open(path) as image:
        return Form(*image.size, image.mode)


def _each(task: Callable[[int, Path], Any], paths: Sequence[Path]) -> list[Any]:
    """`task(index, path)` of each, on several threads.

    Raises:
        Problem: some cannot be read.
    """

    def tried(index: int) -> Any:
        try:
            return task(index, paths[index])
        except Exception as error:  # Pillow's decoders raise all kinds
            return Unreadable(paths[index], error)

    def chunk(start: int) -> list[Any]:
        return [tried(index) for index in range(start, min(start + CHUNK, len(paths)))]

    with ThreadPoolExecutor(N_THREADS) as pool:
        outcomes = [outcome for part in pool.map(chunk, range(0, len(paths), CHUNK)) for outcome in part]
    if bad := [outcome for outcome in outcomes if isinstance(outcome, Unreadable)]:
        raise _unreadable(bad)
    return outcomes


def _unreadable(bad: Sequence[Unreadable]) -> Problem:
    named = [f"{path} ({_plain(reason)})" for path, reason in bad[:N_NAMED]]
    more = [f"and {len(bad) - N_NAMED} more"] if len(bad) > N_NAMED else []
    cause = "corrupt or not an image: " + ", ".join([*named, *more])
    return Problem(cause, mend="replace those files or move them out of the folder")


def _plain(reason: Exception) -> str:
    if isinstance(reason, Image.UnidentifiedImageError):
        return "no format that Pillow knows"
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__


def _common(forms: Sequence[Form], paths: Sequence[Path], *, target: tuple[int, int] | None) -> Form:
    """The form that all images have or are brought to."""
    first = dict(zip(reversed(forms), reversed(paths), strict=True))
    # Values of 16 bits and more do not fit, and Pillow would cut them off without a word.
    if deep := [form for form in first if form.mode[0] in "IF"]:
        cause = f"{first[deep[0]]} has more than 8 bits a value (mode {deep[0].mode})"
        raise Problem(cause, mend="convert such images to 8 bits")
    if target:
        return Form(*target, "RGB")
    common = Counter(forms).most_common()
    if len(common) > 1:
        named = [f"{n} are {form}, such as {first[form]}" for form, n in common[:N_NAMED]]
        cause = "images of different sizes or modes:\n  - " + "\n  - ".join(named)
        cause += f"\n  and {len(common) - N_NAMED} more kinds" if len(common) > N_NAMED else ""
        raise Problem(cause, mend="give a target size, as in images:PATH@32 or images:PATH@24x32")
    if (form := common[0][0]).mode not in CHANNELS:
        cause = f"the images have mode {form.mode}, neither grey (L) nor RGB"
        raise Problem(
            cause, mend=f"convert them, or give a target size: images:PATH@{form.height}x{form.width}"
        )
    return form

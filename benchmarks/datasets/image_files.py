"""Decodes image files into one array, and names those that cannot be used.

Every image is turned upright, as the EXIF orientation that a camera noted says, and transparency is laid over
white. Without a size, all images must have the same size and the same mode, 8-bit grey or RGB. With one,
every image becomes RGB (Pillow's conversion) and is resized (bilinear, without keeping the aspect ratio).
Of several frames only the first is used.
"""

import math
import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from PIL import ExifTags, Image

from benchmarks.common.errors import Problem
from benchmarks.common.progress import Progress

Size = tuple[int, int]
"""Width and height in pixels."""

# Images that are too large are refused by name; a warning from within Pillow would come beside it.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)

CHANNELS = {"L": 1, "RGB": 3}
# Threads overlap their waiting for the disk, and decoders of large images release Python's global lock.
# Those of small images hardly do, so that more threads than these would wait for each other.
N_THREADS = 4
CHUNK = 256
N_NAMED = 3
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, by its EXIF orientation (CIPA DC-008, tag 0x0112); 1 is upright."""


class Format(NamedTuple):
    """Width and height of an image in pixels when it is upright, and its mode in Pillow."""

    width: int
    height: int
    mode: str

    def __str__(self) -> str:
        return f"{self.width} wide, {self.height} high, {self.mode}"


class Head(NamedTuple):
    """What is known of an image without its pixels."""

    format: Format
    transparent: bool
    turned: bool


class Unusable(NamedTuple):
    """A file that is no usable image, and why."""

    path: Path
    reason: Exception


def decoded(paths: Sequence[Path], *, size: Size | None) -> tuple[np.ndarray, list[str]]:
    """All images as uint8 [N, H, W, C], and what was converted, a sentence for each kind of conversion.

    Raises:
        Problem: images cannot be used, or they differ in size or mode; the message names them.
    """
    heads = _heads(paths)
    common = _common_format([head.format for head in heads], paths, size=size)
    extents = (len(paths), common.height, common.width, CHANNELS[common.mode])
    needed = math.prod(extents) * (1 + np.dtype(np.float32).itemsize)  # as bytes, and scaled
    if needed > psutil.virtual_memory().total:
        cause = f"{len(paths)} images of {common} need {needed / 2**30:.0f} GiB of memory"
        raise Problem(cause, fix="give a smaller size, as in images:PATH@32")
    pixels = np.empty(extents, np.uint8)

    def decode(index: int, path: Path) -> None:
        with Image.open(path) as image:
            final = _opaque(_upright(image))
            if size:
                final = final.convert("RGB").resize(size, Image.Resampling.BILINEAR)
            pixels[index] = np.asarray(final).reshape(pixels.shape[1:])

    _each(decode, paths)
    return pixels, conversions(heads, common)


def _heads(paths: Sequence[Path]) -> list[Head]:
    """The heads of all images.

    Raises:
        Problem: images cannot be used. All that cannot are named at once: where a head is bad, the pixels of
            the others are tried too.
    """
    try:
        return _each(_head, paths)
    except Problem:
        _each(_whole, paths)
        raise


def _whole(index: int, path: Path) -> None:
    """Try to read all of an image."""
    _head(index, path)
    with Image.open(path) as image:
        image.load()


def shape(paths: Sequence[Path], *, size: Size | None) -> tuple[int, int, int]:
    """Height, width and channels of all these images after decoding.

    Raises:
        Problem: as for `decoded`.
    """
    common = _common_format([head.format for head in _each(_head, paths)], paths, size=size)
    return common.height, common.width, CHANNELS[common.mode]


def conversions(heads: Sequence[Head], common: Format) -> list[str]:
    """What is done to images of these heads to bring them to a common format."""
    modes = Counter(head.format.mode for head in heads if head.format.mode != common.mode)
    sizes = Counter(head.format[:2] for head in heads if head.format[:2] != common[:2])
    often = " × ".join(map(str, sizes.most_common(1)[0][0])) if sizes else ""
    said = {
        "turned upright, as the EXIF orientation says": sum(head.turned for head in heads),
        "with transparency, laid over white": sum(head.transparent for head in heads),
        f"converted to {common.mode} from {', '.join(sorted(modes))}": modes.total(),
        f"resized to {common.width} × {common.height}, most often from {often}": sizes.total(),
    }
    return [f"{n} image{'s' * (n > 1)} {what}" for what, n in said.items() if n]


def _head(_: int, path: Path) -> Head:
    """The head of an image file, without decoding pixels."""
    if not path.is_file():  # opening a pipe would wait for somebody to write to it
        raise ValueError("not a regular file" if path.exists() else "a link to nothing")
    with Image.open(path) as image:
        orientation, size = _orientation(image), image.size
        upright = size[::-1] if orientation >= 5 else size
        of_tiff = getattr(image, "tag_v2", {}).get(ExifTags.Base.Orientation)  # which Pillow turns itself
        return Head(
            Format(*upright, image.mode + _depth(image)),
            image.has_transparency_data,
            not UPRIGHT.keys().isdisjoint((orientation, of_tiff)),
        )


def _depth(image: Image.Image) -> str:
    """`;16` where Pillow would cut values of 16 bits to 8 silently; nothing where the mode says it itself."""
    cut = any(re.search(r";(16|32)", str(tile[3])) for tile in getattr(image, "tile", []))
    return ";16" if cut and image.mode[0] not in "IF" else ""


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation in the head of a file; 1, upright, where there is none or nobody can read it."""
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
    except Exception:  # cameras and editors write damaged blocks of many kinds, which every viewer ignores
        return 1
    found = exif.get(ExifTags.Base.Orientation, 1)
    return found if found in UPRIGHT else 1


def _upright(image: Image.Image) -> Image.Image:
    turn = UPRIGHT.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _opaque(image: Image.Image) -> Image.Image:
    """The image laid over white, in its own mode without transparency; the image itself if it has none."""
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("L" if image.mode in ("L", "LA") else "RGB")


def _each(task: Callable[[int, Path], Any], paths: Sequence[Path]) -> list[Any]:
    """The results of `task(index, path)` for each image, on several threads.

    Raises:
        Problem: some images cannot be used.
    """

    progress = Progress("images read", len(paths))

    def result_or_error(index: int) -> Any:
        try:
            return task(index, paths[index])
        except Exception as error:  # Pillow's decoders raise errors of many types
            return Unusable(paths[index], error)
        finally:
            progress.advance()

    def chunk(start: int) -> list[Any]:
        return [result_or_error(index) for index in range(start, min(start + CHUNK, len(paths)))]

    with ThreadPoolExecutor(N_THREADS) as pool:
        outcomes = [outcome for part in pool.map(chunk, range(0, len(paths), CHUNK)) for outcome in part]
    if bad := [outcome for outcome in outcomes if isinstance(outcome, Unusable)]:
        raise _unusable(bad)
    return outcomes


def _unusable(bad: Sequence[Unusable]) -> Problem:
    named = [f"{path} ({_plain(reason)})" for path, reason in bad[:N_NAMED]]
    more = [f"and {len(bad) - N_NAMED} more"] if len(bad) > N_NAMED else []
    cause = "not usable as images: " + ", ".join([*named, *more])
    return Problem(cause, fix="replace those files or move them out of the folder")


def _plain(reason: Exception) -> str:
    if isinstance(reason, Image.UnidentifiedImageError):
        return "corrupt, or not in a format that Pillow knows"
    if isinstance(reason, Image.DecompressionBombError):
        return f"more than {2 * Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels"
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__


def _common_format(formats: Sequence[Format], paths: Sequence[Path], *, size: Size | None) -> Format:
    """The format that all images have, or get with a size."""
    first = dict(zip(reversed(formats), reversed(paths), strict=True))
    # Values of 16 bits or more do not fit into uint8, and Pillow would clip them silently.
    if deep := [each for each in first if each.mode[0] in "IF" or each.mode.endswith(";16")]:
        cause = f"{first[deep[0]]} has more than 8 bits per value (mode {deep[0].mode})"
        raise Problem(cause, fix="convert such images to 8 bits")
    if size:
        return Format(*size, "RGB")
    counts = Counter(formats).most_common()
    if len(counts) > 1:
        named = [f"{n} are {each}, such as {first[each]}" for each, n in counts[:N_NAMED]]
        cause = "images of different sizes or modes:\n  - " + "\n  - ".join(named)
        cause += f"\n  and {len(counts) - N_NAMED} more formats" if len(counts) > N_NAMED else ""
        raise Problem(cause, fix="give a size, as in images:PATH@32 or images:PATH@24x32")
    if (common := counts[0][0]).mode not in CHANNELS:
        cause = f"the images have mode {common.mode}, which is neither grey (L) nor RGB"
        raise Problem(cause, fix=f"convert them, or give a size: images:PATH@{common.height}x{common.width}")
    return common

"""The user's own images: `images:PATH`, a folder with one folder for each class, named after the class.

The images are either in `PATH/train/CLASS/*` and `PATH/test/CLASS/*`, and a tenth of the training images is
used for validation; or they are in `PATH/CLASS/*`, and a tenth is used for the test and a tenth for
validation, both drawn by seed. Classes are numbered in the order of their names. Every file must be an
image in a format that Pillow reads; names that begin with a dot are ignored. Of several frames only the
first is used, and the orientation that a camera noted is ignored.

All images must have the same size and the same mode, 8-bit grey or RGB. `images:PATH@HxW`, or `@N` for a
square, instead converts every image to RGB (transparency is dropped) and resizes it (bilinear, without
keeping the aspect ratio). A path cannot itself end in such a size.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from benchmarks.common.errors import Problem
from benchmarks.datasets import user_data
from benchmarks.datasets.dataset import Split, integers_for, permutation

KIND = "images"
LARGEST = 4096
"""The largest height and width in pixels, far beyond what the models here are made for."""
LAYOUT = "arrange them as PATH/CLASS/image, or as PATH/train/CLASS/image and PATH/test/CLASS/image"

VALIDATION = ("val", "valid", "validation")
"""Names of folders beside train/ that are not classes."""

Classes = dict[str, list[Path]]


def files(location: str) -> list[Path]:
    """All images in order; with folders train/ and test/, the test images come last."""
    train, test = _parts(location)
    return [*_paths(train), *_paths(test or {})]


def split(location: str) -> Split:
    """Numbers of training, validation and test images."""
    train, test = _parts(location)
    n_test = None if test is None else len(_paths(test))
    return user_data.tenths(len(_paths(train)), n_test=n_test, where=f"images {location}")


def shape(location: str) -> tuple[int, ...]:
    """The shape of the first image, or the size given; the others are checked when they are decoded."""
    return common_shape(files(location)[:1], size=_split_size(location)[1])


def load(location: str) -> user_data.Loaded:
    """Decode every image and split off the test set.

    Raises:
        Problem: there is no such folder, or a class is empty, or images cannot be read, or they differ in
            size or mode although no size is given.
    """
    sizes, (train, test) = split(location), _parts(location)
    pixels = decoded(files(location), size=_split_size(location)[1])
    labels = np.concatenate([_labels(train), _labels(test or {})]).astype(integers_for(len(train)))
    if test is None:
        testing, training = np.split(permutation(len(labels)), [sizes.test])
    else:
        training, testing = np.split(np.arange(len(labels)), [len(_paths(train))])
    arrays = {
        "train_x": pixels[training],
        "train_y": labels[training],
        "test_x": pixels[testing],
        "test_y": labels[testing],
    }
    return user_data.Loaded(arrays, classes=list(train), scale=255.0, split=sizes)


def _split_size(location: str) -> tuple[str, tuple[int, int] | None]:
    """The path, and the width and height to which every image is resized, if any."""
    if (match := user_data.SIZE.search(location)) is None:
        return location, None
    height = int(match[1])
    width = int(match[2] or height)
    if 0 in (width, height) or max(width, height) > LARGEST:
        cause = f"images {location}: images cannot have a size of {height} × {width}"
        fix = f"end the path in @HxW, with height and width in pixels, at most {LARGEST} each"
        raise Problem(cause, fix=fix)
    return location[: match.start()], (width, height)


def _parts(location: str) -> tuple[Classes, Classes | None]:
    """The classes of the training and of the test images; or those of all images, and None."""
    folder = user_data.existing(_split_size(location)[0])
    if not folder.is_dir():
        raise Problem(f"images {location}: {folder} is not a folder", fix=LAYOUT)
    inside = {path.name for path in _visible(folder) if path.is_dir()}
    parts = {"train", "test"} & inside
    if "train" not in parts or not inside & {"test", *VALIDATION}:
        return _classes(folder), None
    if more := inside - parts:
        cause = f"{folder} holds {', '.join(sorted(more))} beside {' and '.join(sorted(parts, reverse=True))}"
        fix = "validation is always a tenth of train, drawn by seed"
        raise Problem(cause, fix=f"move it away, or rename it to test if there is none; {fix}")
    train, test = _classes(folder / "train"), _classes(folder / "test")
    if different := train.keys() ^ test.keys():
        cause = f"{folder}: only one of train and test has {', '.join(sorted(different))}"
        raise Problem(cause, fix="give train and test the same class folders")
    return train, test


def _classes(folder: Path) -> Classes:
    """The images of each class; classes and images are in the order of their names."""
    classes = {path.name: _visible(path) for path in _visible(folder) if path.is_dir()}
    if len(classes) < 2:
        cause = f"{folder} holds {len(classes) or 'no'} class folder{'s' * (not classes)}"
        raise Problem(cause, fix=f"give two class folders or more; {LAYOUT}")
    if empty := [name for name, paths in classes.items() if not paths]:
        raise Problem(f"{folder}: no image of class {', '.join(empty)}", fix="fill or remove that folder")
    return classes


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _paths(classes: Classes) -> list[Path]:
    return [path for paths in classes.values() for path in paths]


def _labels(classes: Classes) -> np.ndarray:
    return np.repeat(np.arange(len(classes)), [len(paths) for paths in classes.values()])


CHANNELS = {"L": 1, "RGB": 3}
# Threads overlap their waiting for the disk, and decoders of large images release Python's global lock.
# Those of small images hardly do, so that more threads than these would wait for each other.
N_THREADS = 4
CHUNK = 256
N_NAMED = 3


class ImageFormat(NamedTuple):
    """Width and height of an image in pixels, and its mode in Pillow."""

    width: int
    height: int
    mode: str

    def __str__(self) -> str:
        return f"{self.width} wide, {self.height} high, {self.mode}"


class Unreadable(NamedTuple):
    """An image that cannot be decoded, and the error."""

    path: Path
    reason: Exception


def decoded(paths: Sequence[Path], *, size: tuple[int, int] | None) -> np.ndarray:
    """All images as uint8 [N, H, W, C]; with `size` (width, height) they become RGB of that size.

    Raises:
        Problem: images cannot be read, or they differ in size or mode; the message names them.
    """
    pixels = np.empty((len(paths), *common_shape(paths, size=size)), np.uint8)

    def decode(index: int, path: Path) -> None:
        with Image.open(path) as image:
            if size:
                image = image.convert("RGB").resize(size, Image.Resampling.BILINEAR)
            pixels[index] = np.asarray(image).reshape(pixels.shape[1:])

    _each(decode, paths)
    return pixels


def common_shape(paths: Sequence[Path], *, size: tuple[int, int] | None) -> tuple[int, int, int]:
    """Height, width and channels of all these images after decoding.

    Raises:
        Problem: as for `decoded`.
    """
    common = _common_format(_each(_image_format, paths), paths, size=size)
    return common.height, common.width, CHANNELS[common.mode]


def _image_format(_: int, path: Path) -> ImageFormat:
    """The format of an image, from the head of its file, without decoding pixels."""
    with Image.open(path) as image:
        return ImageFormat(*image.size, image.mode)


def _each(task: Callable[[int, Path], Any], paths: Sequence[Path]) -> list[Any]:
    """The results of `task(index, path)` for each image, on several threads.

    Raises:
        Problem: some images cannot be read.
    """

    def result_or_error(index: int) -> Any:
        try:
            return task(index, paths[index])
        except Exception as error:  # Pillow's decoders raise errors of many types
            return Unreadable(paths[index], error)

    def chunk(start: int) -> list[Any]:
        return [result_or_error(index) for index in range(start, min(start + CHUNK, len(paths)))]

    with ThreadPoolExecutor(N_THREADS) as pool:
        outcomes = [outcome for part in pool.map(chunk, range(0, len(paths), CHUNK)) for outcome in part]
    if bad := [outcome for outcome in outcomes if isinstance(outcome, Unreadable)]:
        raise _unreadable(bad)
    return outcomes


def _unreadable(bad: Sequence[Unreadable]) -> Problem:
    named = [f"{path} ({_plain(reason)})" for path, reason in bad[:N_NAMED]]
    more = [f"and {len(bad) - N_NAMED} more"] if len(bad) > N_NAMED else []
    cause = "corrupt or not an image: " + ", ".join([*named, *more])
    return Problem(cause, fix="replace those files or move them out of the folder")


def _plain(reason: Exception) -> str:
    if isinstance(reason, Image.UnidentifiedImageError):
        return "not in a format that Pillow knows"
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__


def _common_format(
    formats: Sequence[ImageFormat], paths: Sequence[Path], *, size: tuple[int, int] | None
) -> ImageFormat:
    """The format that all images have, or get with a size."""
    first = dict(zip(reversed(formats), reversed(paths), strict=True))
    # Values of 16 bits or more do not fit into uint8, and Pillow would clip them silently.
    if deep := [each for each in first if each.mode[0] in "IF"]:
        cause = f"{first[deep[0]]} has more than 8 bits per value (mode {deep[0].mode})"
        raise Problem(cause, fix="convert such images to 8 bits")
    if size:
        return ImageFormat(*size, "RGB")
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

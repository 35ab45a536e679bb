"""The user's own images: `images:PATH`, a folder with one folder for each class, named after it.

Either `PATH/train/CLASS/*` and `PATH/test/CLASS/*`, where a tenth of the training images validates;
or `PATH/CLASS/*`, where a tenth tests and a tenth validates, by seed. Classes are numbered in the
order of their names. Every file is an image, in any format that Pillow reads; names that begin with
a dot are left out. Of several frames the first counts, and pixels are taken as they are stored,
whatever the orientation that a camera noted.

All images must have one size and one mode, grey or RGB, of 8 bits. `images:PATH@HxW`, or `@N` for a
square, instead converts every one to RGB (transparency is dropped) and resizes it (bilinear, aspect
not kept). A path cannot itself end in such a size.
"""

from pathlib import Path

import numpy as np

from benchmarks.common.errors import Problem
from benchmarks.datasets import own
from benchmarks.datasets.dataset import Split, integers_for, permutation

KIND = "images"
LARGEST = 4096
"""Pixels of a target size in height and width: far beyond what the models here are for."""
LAYOUT = "lay them out as PATH/CLASS/image, or as PATH/train/CLASS/image and PATH/test/CLASS/image"

VALIDATION = ("val", "valid", "validation")
"""Folders beside train/ that are no class."""

Classes = dict[str, list[Path]]


def files(location: str) -> list[Path]:
    """All images, in order: those of the test after those of training where they are apart."""
    train, test = _parts(location)
    return [*_paths(train), *_paths(test or {})]


def split(location: str) -> Split:
    """Numbers of images."""
    train, test = _parts(location)
    n_test = None if test is None else len(_paths(test))
    return own.tenths(len(_paths(train)), n_test=n_test, where=f"images {location}")


def shape(location: str) -> tuple[int, ...]:
    """That of the first image, or the target's; the others are held to it when they are decoded."""
    from benchmarks.datasets import decoding

    return decoding.shape(files(location)[:1], target=_target(location)[1])


def load(location: str) -> own.Loaded:
    """Decode every image.

    Raises:
        Problem: no such folder, an empty class, images that cannot be read, or images of different
            sizes or modes without a target size.
    """
    from benchmarks.datasets import decoding

    sizes, (train, test) = split(location), _parts(location)
    pixels = decoding.decoded(files(location), target=_target(location)[1])
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
    return own.Loaded(arrays, classes=list(train), scale=255.0, split=sizes)


def _target(location: str) -> tuple[str, tuple[int, int] | None]:
    """The path, and the width and height that every image is brought to, if any."""
    if (match := own.TARGET.search(location)) is None:
        return location, None
    height = int(match[1])
    width = int(match[2] or height)
    if 0 in (width, height) or max(width, height) > LARGEST:
        cause = f"images {location}: a size of {height} × {width}"
        mend = f"end it in @HxW, height and width in pixels, at most {LARGEST} each"
        raise Problem(cause, mend=mend)
    return location[: match.start()], (width, height)


def _parts(location: str) -> tuple[Classes, Classes | None]:
    """The classes of training and of the test, or of everything and None."""
    folder = own.existing(_target(location)[0])
    if not folder.is_dir():
        raise Problem(f"images {location}: {folder} is not a folder", mend=LAYOUT)
    inside = {path.name for path in _visible(folder) if path.is_dir()}
    parts = {"train", "test"} & inside
    if "train" not in parts or not inside & {"test", *VALIDATION}:
        return _classes(folder), None
    if more := inside - parts:
        cause = f"{folder} holds {', '.join(sorted(more))} beside {' and '.join(sorted(parts, reverse=True))}"
        mend = "only train and test can be apart: validation is a tenth of train, drawn by seed"
        raise Problem(cause, mend=f"move it away, or rename it test where there is none; {mend}")
    train, test = _classes(folder / "train"), _classes(folder / "test")
    if different := train.keys() ^ test.keys():
        cause = f"{folder}: {', '.join(sorted(different))} in one of train and test alone"
        raise Problem(cause, mend="give both the same class folders")
    return train, test


def _classes(folder: Path) -> Classes:
    """The images of each class, classes and images in the order of their names."""
    classes = {path.name: _visible(path) for path in _visible(folder) if path.is_dir()}
    if len(classes) < 2:
        cause = f"{folder} holds {len(classes) or 'no'} class folder{'s' * (not classes)}"
        raise Problem(cause, mend=f"give two or more; {LAYOUT}")
    if empty := [name for name, paths in classes.items() if not paths]:
        raise Problem(f"{folder}: no image of class {', '.join(empty)}", mend="fill or remove that folder")
    return classes


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _paths(classes: Classes) -> list[Path]:
    return [path for paths in classes.values() for path in paths]


def _labels(classes: Classes) -> np.ndarray:
    return np.repeat(np.arange(len(classes)), [len(paths) for paths in classes.values()])

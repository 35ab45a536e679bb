"""The user's own images: `images:PATH`, a folder with one folder for each class, named after the class.

The images are in `PATH/CLASS/*`, and a tenth is used for the test and a tenth for validation, both drawn by
seed; or they are in `PATH/train/CLASS/*` with `PATH/test/CLASS/*`, `PATH/validation/CLASS/*` or both, and
only what has no folder is drawn from the training images. These folders may have any of the names in
`user_data.ROLES`, in any case. Classes are numbered in the order of their names. Every file in a class must
be an image in a format that Pillow reads; names that begin with a dot are ignored. `image_files` says how
they are decoded.

`images:PATH@HxW`, or `@N` for a square, resizes every image. A path cannot itself end in such a size.
"""

import os
from pathlib import Path

import numpy as np

from benchmarks.common.errors import Problem
from benchmarks.datasets import image_files, user_data
from benchmarks.datasets.card import digests
from benchmarks.datasets.dataset import Split, integers_for

KIND = "images"
LARGEST = 4096
"""The largest height and width in pixels, far beyond what the models here are made for."""
LAYOUT = "arrange them as PATH/CLASS/image, or as PATH/train/CLASS/image and PATH/test/CLASS/image"

N_NAMED, N_ALIKE = 3, 4
"""Groups of files with the same image that are named, and files of each."""

Classes = dict[str, list[Path]]


def files(location: str) -> list[Path]:
    """All images in order: those of training, then of validation and of the test, if they have folders."""
    return _files(_parts(location))


def split(location: str) -> Split:
    """Numbers of training, validation and test images."""
    return user_data.parted(_sizes(_parts(location)), where=f"images {location}")


def shape(location: str) -> tuple[int, ...]:
    """The shape of the first image, or the size given; the others are checked when they are decoded."""
    return image_files.shape(files(location)[:1], size=_split_size(location)[1])


def load(location: str) -> user_data.Loaded:
    """Decode every image and split off the test set.

    Raises:
        Problem: there is no such folder, or a class is empty, or images cannot be used, or they differ in
            size or mode although no size is given.
    """
    parts = _parts(location)
    sizes = user_data.parted(_sizes(parts), where=f"images {location}")
    paths = _files(parts)
    pixels, converted = image_files.decoded(paths, size=_split_size(location)[1])
    labels = np.concatenate([_labels(classes) for classes in parts.values()])
    training, testing = user_data.places(_sizes(parts), n_test=sizes.test)
    labels = labels.astype(integers_for(len(parts["train"])))
    arrays = {
        "train_x": pixels[training],
        "train_y": labels[training],
        "test_x": pixels[testing],
        "test_y": labels[testing],
    }
    return user_data.Loaded(
        arrays,
        classes=list(parts["train"]),
        scale=255.0,
        split=sizes,
        own_validation="validation" in parts,
        converted=converted,
        contradictory_files=_in_several_classes(pixels, paths),
    )


def _in_several_classes(pixels: np.ndarray, paths: list[Path]) -> list[str]:
    """Up to so many groups of files that hold the same image in several classes."""
    groups: dict[bytes, list[Path]] = {}
    for content, path in zip(digests(pixels), paths, strict=True):
        groups.setdefault(content, []).append(path)
    several = [group for group in groups.values() if len({path.parent.name for path in group}) > 1]
    named = [[f"{path.parent.name}/{path.name}" for path in group[:N_ALIKE]] for group in several[:N_NAMED]]
    return [" = ".join(group) for group in named]


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


def _parts(location: str) -> dict[str, Classes]:
    """The classes of each part that has a folder, in the order of ROLES; of all images, as `train`."""
    path, size = _split_size(location)
    if size and _exists(location) and not _exists(path):
        cause = f"images {location}: the end of the folder's name is read as a size"
        raise Problem(cause, fix=f"rename the folder, or add a size: images:{location}@32")
    folder = user_data.existing(path)
    if not folder.is_dir():
        raise Problem(f"images {location}: {folder} is not a folder", fix=LAYOUT)
    inside = [path for path in _visible(folder) if path.is_dir()]
    named = {
        role: [path for path in inside if path.name.lower() in names]
        for role, names in user_data.ROLES.items()
    }
    held = {role: folders for role, folders in named.items() if folders}
    if "train" not in held or len(held) < 2:
        return {"train": _classes(folder)}
    _check_alone(folder, held, {path.name for path in inside})
    parts = {role: _classes(folders[0]) for role, folders in held.items()}
    for role, classes in parts.items():
        if different := classes.keys() ^ parts["train"].keys():
            cause = f"{folder}: only one of train and {role} has {', '.join(sorted(different))}"
            raise Problem(cause, fix=f"give train and {role} the same class folders")
    return parts


def _check_alone(folder: Path, held: dict[str, list[Path]], inside: set[str]) -> None:
    """Check that there is one folder for each part, and nothing beside them that might be a class."""
    for folders in held.values():
        if len(folders) > 1:
            cause = f"{folder} holds both {' and '.join(path.name for path in folders)}"
            raise Problem(cause, fix="keep one of these folders, or put all its images into one")
    names = [folders[0].name for folders in held.values()]
    if more := inside - {*names}:
        cause = f"{folder} holds {', '.join(sorted(more))} beside {' and '.join(names)}"
        raise Problem(cause, fix="move it away: beside these folders there is no class")


def _classes(folder: Path) -> Classes:
    """The images of each class; classes and images are in the order of their names."""
    classes = {path.name: _visible(path) for path in _visible(folder) if path.is_dir()}
    if len(classes) < 2:
        cause = f"{folder} holds {len(classes) or 'no'} class folder{'s' * (not classes)}"
        raise Problem(cause, fix=f"give two class folders or more; {LAYOUT}")
    if empty := [name for name, paths in classes.items() if not paths]:
        raise Problem(f"{folder}: no image of class {', '.join(empty)}", fix="fill or remove that folder")
    if inner := [f"{name}/{found}" for name in classes for found in _folders(folder / name)]:
        raise Problem(f"{folder}: {inner[0]} is a folder within a class", fix=LAYOUT)
    return classes


def _exists(location: str) -> bool:
    try:
        return Path(location).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # no path at all
        return False


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _folders(folder: Path) -> list[str]:
    """Names of the folders in a folder, without asking the disk about every file."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))


def _paths(classes: Classes) -> list[Path]:
    return [path for paths in classes.values() for path in paths]


def _files(parts: dict[str, Classes]) -> list[Path]:
    return [path for classes in parts.values() for path in _paths(classes)]


def _sizes(parts: dict[str, Classes]) -> dict[str, int]:
    return {part: len(_paths(classes)) for part, classes in parts.items()}


def _labels(classes: Classes) -> np.ndarray:
    return np.repeat(np.arange(len(classes)), [len(paths) for paths in classes.values()])

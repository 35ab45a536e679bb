"""The user's own arrays: `npz:PATH`, a file of NumPy's `savez` or `savez_compressed`.

The file has either the arrays `x` and `y`, and a tenth is used for the test and a tenth for validation, both
drawn by seed; or `train_x` and `train_y`, with `test_x` and `test_y`, `validation_x` and `validation_y` or
all four, and only what is missing is drawn from the training examples. Other common names do as well:
`x_train`, `train_images`, `y_val`, `test_labels`, in any case. Examples are [N, H, W, C], [N, H, W] (one
channel) or [N, D] (D by 1, one channel), either uint8, which is divided by 255, or floats. Floats are
not scaled, unless they are images that fill the range of bytes, 0 to 255. Labels are whole numbers from 0,
[N] or [N, 1]. Every class must have training examples after the split.
"""

import contextlib
import lzma
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.common.errors import Problem
from benchmarks.datasets import user_data
from benchmarks.datasets.dataset import UNREADABLE, RawArrays, Split, integers_for

KIND = "images"
MOST_CHANNELS = 4
"""If the last axis is longer and axis 1 is not, the images seem to have their channels first."""
HEADS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""Readers of the header of a .npy file, by the version of the format."""
BYTES = (128.0, 255.0)
"""Floats are those of images of bytes if none is negative and the largest is in this range."""
EXAMPLES, LABELS = ("x", "images", "data", "features"), ("y", "labels", "targets")
"""What people call the two kinds of arrays, in lower case."""

Places = dict[str, dict[str, str]]
"""The names of the arrays in a file, as [part]["x" or "y"]; unsplit arrays are those of `train`."""


def files(location: str) -> list[Path]:
    """The one file."""
    return [user_data.existing_file(location)]


def split(location: str) -> Split:
    """Numbers of examples, from the labels only."""
    places, _ = _places(location)
    sizes = {part: len(_labels(location, named["y"])) for part, named in places.items()}
    return user_data.parted(sizes, where=location)


def shape(location: str) -> tuple[int, ...]:
    """Shape of an example, from the header of the array."""
    path, (places, _) = user_data.existing_file(location), _places(location)
    name = places["train"]["x"]
    with _unreadable_as_problem(location), zipfile.ZipFile(path) as file, file.open(f"{name}.npy") as member:
        extents, _, dtype = HEADS[np.lib.format.read_magic(member)](member)
        placeholder = np.broadcast_to(np.empty((), dtype), extents)  # has type and shape, but takes no memory
    _check_form(placeholder, f"{location}: {name}")
    return _with_all_axes(placeholder).shape[1:]


def load(location: str) -> user_data.Loaded:
    """Read and check all arrays, and draw the test set if the file has none.

    Raises:
        Problem: there is no such file, or it is damaged, or its arrays cannot be used.
    """
    places, unused = _places(location)
    labels = {part: _labels(location, named["y"]) for part, named in places.items()}
    examples = {part: _examples(location, named["x"]) for part, named in places.items()}
    sizes = {part: len(of_part) for part, of_part in labels.items()}
    parts = user_data.parted(sizes, where=location)
    _check_parts(examples, labels, places, location)
    n_classes = 1 + int(labels["train"].max())
    x, y = (np.concatenate([of[part] for part in places]) for of in (examples, labels))
    training, testing = user_data.places(sizes, n_test=parts.test)
    y = y.astype(integers_for(n_classes))
    is_image = x.shape[2] > 1  # columns of a table have values of any size
    bytes_as_floats = is_image and x.dtype != np.uint8 and x.min() >= 0 and BYTES[0] <= x.max() <= BYTES[1]
    arrays = {"train_x": x[training], "train_y": y[training], "test_x": x[testing], "test_y": y[testing]}
    return user_data.Loaded(
        arrays,
        classes=range(n_classes),
        scale=255.0 if x.dtype == np.uint8 or bytes_as_floats else 1.0,
        split=parts,
        own_validation="validation" in places,
        converted=[
            *(["floats from 0 to 255 are divided by 255"] if bytes_as_floats else []),
            *([f"not used: the arrays {', '.join(unused)}"] if unused else []),
        ],
    )


def _places(location: str) -> tuple[Places, list[str]]:
    """Where each array belongs, by its name, and the names of the arrays that belong nowhere."""
    with _unreadable_as_problem(location), _opened(location) as file:
        names = list(file.files)
    found: dict[tuple[str, str], str] = {}
    for name in names:
        if (place := _place(name)) and place in found:
            cause = f"{location} holds both {found[place]} and {name}"
            raise Problem(cause, fix="keep one of the two")
        found |= {place: name} if place else {}
    whole = {"": {"x", "y"}}
    held = {part: {kind for of, kind in found if of == part} for part, _ in found}
    complete = all(kinds == {"x", "y"} for kinds in held.values())
    if not complete or (held != whole and not ("train" in held and len(held) > 1 and "" not in held)):
        cause = f"{location} holds {', '.join(names) or 'nothing'}"
        raise Problem(cause, fix="name the arrays x and y, or train_x, train_y, test_x and test_y")
    order = [part for part in ("", *user_data.ROLES) if part in held]
    places = {part or "train": {kind: found[part, kind] for kind in ("x", "y")} for part in order}
    return places, [name for name in names if name not in found.values()]


def _place(name: str) -> tuple[str, str] | None:
    """The part and the kind ("x" or "y") that a name speaks of; part "" for all; None for any other name."""
    words = re.split(r"[_\-. ]", name.lower())
    roles = [role for role, names in user_data.ROLES.items() for word in words if word in names]
    kinds = [kind for kind, names in (("x", EXAMPLES), ("y", LABELS)) for word in words if word in names]
    if len(kinds) != 1 or len(roles) > 1 or len(words) != len(kinds) + len(roles):
        return None
    return (roles[0] if roles else ""), kinds[0]


@contextlib.contextmanager
def _opened(location: str) -> Iterator[np.lib.npyio.NpzFile]:
    with np.lib.npyio.NpzFile(user_data.existing_file(location), allow_pickle=False) as file:
        yield file


@contextlib.contextmanager
def _unreadable_as_problem(location: str) -> Iterator[None]:
    """Turn the errors of a file that `savez` did not write into a problem."""
    try:
        yield
    except (*UNREADABLE, MemoryError, OverflowError, TypeError, lzma.LZMAError, OSError) as error:
        if getattr(error, "errno", None):  # of the disk, not of what is in the file
            raise
        reason = "it needs more memory than there is" if isinstance(error, MemoryError) else error
        fix = "save it with numpy.savez, with arrays of numbers only"
        raise Problem(f"{location} cannot be read: {reason}", fix=fix) from error


def _array(location: str, name: str) -> np.ndarray:
    with _unreadable_as_problem(location), _opened(location) as file:
        return file[name]


def _labels(location: str, name: str) -> np.ndarray:
    """Labels as whole numbers [N]."""
    array = _array(location, name)
    if array.dtype.kind not in "iu" or array.ndim not in (1, 2) or array.shape[1:] not in ((), (1,)):
        cause = f"{location}: {name} is {_type_and_shape(array)}"
        raise Problem(cause, fix="give one whole number for each example, in the shape [N]")
    return array.reshape(-1)


def _check_parts(examples: RawArrays, labels: RawArrays, places: Places, location: str) -> None:
    """Check that the arrays of each part fit together, and those of the parts with each other."""
    for part, named in places.items():
        n, n_labels = len(examples[part]), len(labels[part])
        if n != n_labels:
            cause = f"{location}: {named['x']} has {n} examples, {named['y']} has {n_labels} labels"
            raise Problem(cause, fix="give one label for each example")
    _check_labels(labels["train"], f"{location}: the labels in {places['train']['y']}")
    train = examples["train"]
    for part, named in places.items():
        _check_known(labels[part], f"{location}: {named['y']}", labels["train"])
        if (train.dtype, train.shape[1:]) != (examples[part].dtype, examples[part].shape[1:]):
            cause = (
                f"{location}: {places['train']['x']} is {_type_and_shape(train)}, "
                f"{named['x']} is {_type_and_shape(examples[part])}"
            )
            raise Problem(cause, fix="give both the same type and the same shape of an example")


def _examples(location: str, name: str) -> np.ndarray:
    """Examples as uint8 or float32 [N, H, W, C]."""
    array, what = _array(location, name), f"{location}: {name}"
    _check_form(array, what)
    if array.dtype != np.uint8:
        with np.errstate(over="ignore"):  # values too large for float32 become infinite and are refused
            array = array.astype(np.float32)
        if n_bad := np.count_nonzero(~np.isfinite(array)):
            first = np.unravel_index(np.argmin(np.isfinite(array)), array.shape)
            cause = f"{what} holds {n_bad} NaN or infinite values, the first at {[int(i) for i in first]}"
            raise Problem(cause, fix="replace those values, or remove these examples")
    return _with_all_axes(array)


def _check_form(array: np.ndarray, what: str) -> None:
    """Check the type and shape of examples."""
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise Problem(f"{what} is {_type_and_shape(array)}", fix="convert it to uint8 or floats")
    if array.ndim not in (2, 3, 4) or 0 in array.shape:
        raise Problem(
            f"{what} is {_type_and_shape(array)}",
            fix="give it the shape [N, H, W, C], [N, H, W] or [N, D], with no length of 0",
        )
    if array.ndim == 4 and array.shape[1] <= MOST_CHANNELS < array.shape[3]:
        cause = f"{what} is {_type_and_shape(array)}, which looks like [N, C, H, W]"
        name = what.rpartition(" ")[2]
        raise Problem(cause, fix=f"put the channels last: np.moveaxis({name}, 1, -1)")


def _with_all_axes(array: np.ndarray) -> np.ndarray:
    """The array as [N, H, W, C]; missing axes get length 1."""
    return array.reshape(*array.shape, *[1] * (4 - array.ndim))


def _check_labels(labels: np.ndarray, what: str) -> None:
    """Check that the classes are 0 to k - 1, with at least two of them."""
    classes = np.unique(labels)
    if not np.array_equal(classes, np.arange(len(classes))) or len(classes) < 2:
        raise Problem(
            f"{what} are {_shown(classes)}",
            fix="number two or more classes 0, 1, … without a gap, each with training examples",
        )


def _check_known(labels: np.ndarray, what: str, training: np.ndarray) -> None:
    """Check that the labels of a validation or test set occur among those of training."""
    if len(unknown := np.setdiff1d(labels, training)):
        raise Problem(
            f"{what}: labels {_shown(unknown)} occur nowhere in the training set",
            fix=f"give only the classes of the training set, 0 to {training.max()}",
        )


def _shown(values: np.ndarray) -> str:
    few = [str(value) for value in values[:12]]
    return ", ".join([*few, "…"] if len(values) > 12 else few)


def _type_and_shape(array: np.ndarray) -> str:
    return f"{array.dtype} {list(array.shape)}"

"""The user's own arrays: `npz:PATH`, a file of NumPy's `savez` or `savez_compressed`.

The file has either the arrays `x` and `y`, and a tenth is used for the test and a tenth for validation, both
drawn by seed; or `train_x`, `train_y`, `test_x` and `test_y`, and a tenth of the training examples is used
for validation. Examples are [N, H, W, C], [N, H, W] (one channel) or [N, D] (D by 1, one channel), either
uint8, which is divided by 255, or floats, which are not scaled. Labels are whole numbers from 0, [N]. Every
class must have training examples after the split.
"""

import contextlib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.common.errors import Problem
from benchmarks.datasets import user_data
from benchmarks.datasets.dataset import KEYS, UNREADABLE, RawArrays, Split, integers_for, permutation

KIND = "images"
MOST_CHANNELS = 4
"""If the last axis is longer and axis 1 has length 1 or 3, the images seem to have their channels first."""
HEADS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""Readers of the header of a .npy file, by the version of the format."""


def files(location: str) -> list[Path]:
    """The one file."""
    return [user_data.existing_file(location)]


def split(location: str) -> Split:
    """Numbers of examples, from the labels only."""
    return _split(_read(location, "y"), location)


def shape(location: str) -> tuple[int, ...]:
    """Shape of an example, from the header of the array."""
    path = user_data.existing_file(location)
    with _unreadable_as_problem(location), zipfile.ZipFile(path) as file:
        name = _names([Path(member).stem for member in file.namelist()], location)[0]
        with file.open(f"{name}.npy") as member:
            extents, _, dtype = HEADS[np.lib.format.read_magic(member)](member)
    placeholder = np.broadcast_to(np.empty((), dtype), extents)  # has the type and shape, but takes no memory
    _check_form(placeholder, f"{location}: {name}")
    return _with_all_axes(placeholder).shape[1:]


def load(location: str) -> user_data.Loaded:
    """Read and check all arrays, and draw the test set if the file has none.

    Raises:
        Problem: there is no such file, or it is damaged, or its arrays cannot be used.
    """
    arrays = _read(location, "x") | _read(location, "y")
    parts = _split(arrays, location)
    arrays = _raw_arrays(arrays, n_test=parts.test, location=location)
    n_classes = 1 + int(max(arrays[key].max() for key in ("train_y", "test_y")))
    train, test = arrays["train_x"], arrays["test_x"]
    if (train.dtype, train.shape[1:]) != (test.dtype, test.shape[1:]):
        cause = f"{location}: train_x is {_type_and_shape(train)}, test_x is {_type_and_shape(test)}"
        raise Problem(cause, fix="give both the same type and the same shape of an example")
    arrays |= {key: arrays[key].astype(integers_for(n_classes)) for key in ("train_y", "test_y")}
    scale = 255.0 if train.dtype == np.uint8 else 1.0
    return user_data.Loaded(arrays, classes=range(n_classes), scale=scale, split=parts)


def _read(location: str, which: str) -> RawArrays:
    """The arrays of examples ("x") or of labels ("y") in the file, by their names."""
    path = user_data.existing_file(location)
    with _unreadable_as_problem(location), np.lib.npyio.NpzFile(path, allow_pickle=False) as file:
        return {name: file[name] for name in _names(file.files, location) if name.endswith(which)}


def _names(names_in_file: Sequence[str], location: str) -> tuple[str, ...]:
    """Which of the two sets of names the file has."""
    for names in (KEYS, ("x", "y")):
        if {*names} <= {*names_in_file}:
            return names
    cause = f"{location} holds {', '.join(names_in_file) or 'nothing'}"
    raise Problem(cause, fix=f"name the arrays x and y, or {', '.join(KEYS)}")


@contextlib.contextmanager
def _unreadable_as_problem(location: str) -> Iterator[None]:
    """Turn the errors of a file that `savez` did not write into a problem."""
    try:
        yield
    except UNREADABLE as error:
        fix = "save it with numpy.savez, with arrays of numbers only"
        raise Problem(f"{location} cannot be read: {error}", fix=fix) from error


def _split(arrays: RawArrays, location: str) -> Split:
    """Numbers of examples from arrays of labels, which are checked for their type and shape."""
    for name, array in arrays.items():
        if name.endswith("y") and (array.ndim != 1 or array.dtype.kind not in "iu"):
            cause = f"{location}: {name} is {_type_and_shape(array)}"
            raise Problem(cause, fix="give one whole number for each example, in the shape [N]")
    if "y" in arrays:
        return user_data.tenths(len(arrays["y"]), n_test=None, where=location)
    return user_data.tenths(len(arrays["train_y"]), n_test=len(arrays["test_y"]), where=location)


def _raw_arrays(arrays: RawArrays, *, n_test: int, location: str) -> RawArrays:
    """The four raw arrays, as they are in the file or from `x` and `y`; examples and labels are checked."""
    for x_name in [name for name in arrays if name.endswith("x")]:
        arrays[x_name] = _examples(arrays[x_name], f"{location}: {x_name}")
        n, n_labels = len(arrays[x_name]), len(arrays[x_name[:-1] + "y"])
        if n != n_labels:
            cause = f"{location}: {x_name} has {n} examples, {x_name[:-1]}y has {n_labels} labels"
            raise Problem(cause, fix="give one label for each example")
    if "train_x" in arrays:
        _check_labels(arrays["train_y"], f"{location}: the labels in train_y")
        _check_test_labels(arrays, location)
        return arrays
    _check_labels(arrays["y"], f"{location}: the labels in y")
    test, train = np.split(permutation(len(arrays["y"])), [n_test])
    return {
        f"{part}_{key}": arrays[key][chosen]
        for part, chosen in (("train", train), ("test", test))
        for key in ("x", "y")
    }


def _examples(array: np.ndarray, what: str) -> np.ndarray:
    """Examples as uint8 or float32 [N, H, W, C]."""
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
    if array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[3] > MOST_CHANNELS:
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


def _check_test_labels(arrays: RawArrays, location: str) -> None:
    """Check that the test set has no class without training examples."""
    classes = np.unique(arrays["train_y"])
    if len(unknown := np.setdiff1d(arrays["test_y"], classes)):
        raise Problem(
            f"{location}: labels {_shown(unknown)} occur only in the test set",
            fix=f"the test set may have only the classes of the training set, 0 to {len(classes) - 1}",
        )


def _shown(values: np.ndarray) -> str:
    few = [str(value) for value in values[:12]]
    return ", ".join([*few, "…"] if len(values) > 12 else few)


def _type_and_shape(array: np.ndarray) -> str:
    return f"{array.dtype} {list(array.shape)}"

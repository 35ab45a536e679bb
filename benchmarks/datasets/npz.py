"""The user's own arrays: `npz:PATH`, a file of NumPy's `savez` or `savez_compressed`.

It holds `x` and `y`, of which a tenth tests and a tenth validates, by seed; or `train_x`, `train_y`,
`test_x` and `test_y`, of which a tenth of the training examples validates. Examples are [N, H, W, C],
[N, H, W] (one channel) or [N, D] (D by 1, one channel): uint8, divided by 255, or floats, taken as
they are. Labels are [N], whole numbers from 0, and every class occurs in training, once validation and
a test that is not apart are drawn.
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
"""A last axis that is longer, behind one of 1 or 3, is taken for the width of images with channels first."""
HEADS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
""".npy's heads by version."""


def files(location: str) -> list[Path]:
    """The one file."""
    return [user_data.existing_file(location)]


def split(location: str) -> Split:
    """Numbers of examples, from the labels alone."""
    return _split(_read(location, "y"), location)


def shape(location: str) -> tuple[int, ...]:
    """From the head of the file's array of examples."""
    path = user_data.existing_file(location)
    with _told(location), zipfile.ZipFile(path) as file:
        name = _names([Path(member).stem for member in file.namelist()], location)[0]
        with file.open(f"{name}.npy") as member:
            extents, _, dtype = HEADS[np.lib.format.read_magic(member)](member)
    stand_in = np.broadcast_to(np.empty((), dtype), extents)  # of that type and shape, without its memory
    _check_form(stand_in, f"{location}: {name}")
    return _with_all_axes(stand_in).shape[1:]


def load(location: str) -> user_data.Loaded:
    """Read and check everything, and draw the test set where it is not apart.

    Raises:
        Problem: no such file, damaged, or arrays that cannot be trained on; says which.
    """
    arrays = _read(location, "x") | _read(location, "y")
    parts = _split(arrays, location)
    arrays = _four(arrays, n_test=parts.test, location=location)
    n_classes = 1 + int(max(arrays[key].max() for key in ("train_y", "test_y")))
    train, test = arrays["train_x"], arrays["test_x"]
    if (train.dtype, train.shape[1:]) != (test.dtype, test.shape[1:]):
        cause = f"{location}: train_x is {_form(train)}, test_x is {_form(test)}"
        raise Problem(cause, fix="give both the same type and shape of an example")
    arrays |= {key: arrays[key].astype(integers_for(n_classes)) for key in ("train_y", "test_y")}
    scale = 255.0 if train.dtype == np.uint8 else 1.0
    return user_data.Loaded(arrays, classes=range(n_classes), scale=scale, split=parts)


def _read(location: str, which: str) -> RawArrays:
    """The arrays of examples ("x") or of labels ("y"), in whichever of the two sets of names there is."""
    path = user_data.existing_file(location)
    with _told(location), np.lib.npyio.NpzFile(path, allow_pickle=False) as file:
        return {name: file[name] for name in _names(file.files, location) if name.endswith(which)}


def _names(found: Sequence[str], location: str) -> tuple[str, ...]:
    """The set of names that the file's arrays have."""
    for names in (KEYS, ("x", "y")):
        if {*names} <= {*found}:
            return names
    cause = f"{location} holds {', '.join(found) or 'nothing'}"
    raise Problem(cause, fix=f"give the arrays x and y, or {', '.join(KEYS)}")


@contextlib.contextmanager
def _told(location: str) -> Iterator[None]:
    """A file that is not what `savez` writes becomes a problem."""
    try:
        yield
    except UNREADABLE as error:
        fix = "save it with numpy.savez, arrays of numbers only"
        raise Problem(f"{location} cannot be read: {error}", fix=fix) from error


def _split(arrays: RawArrays, location: str) -> Split:
    for name, array in arrays.items():
        if name.endswith("y") and (array.ndim != 1 or array.dtype.kind not in "iu"):
            cause = f"{location}: {name} is {_form(array)}"
            raise Problem(cause, fix="labels are one whole number for each example, shape [N]")
    if "y" in arrays:
        return user_data.tenths(len(arrays["y"]), n_test=None, where=location)
    return user_data.tenths(len(arrays["train_y"]), n_test=len(arrays["test_y"]), where=location)


def _four(arrays: RawArrays, *, n_test: int, location: str) -> RawArrays:
    """The four raw arrays, from themselves or from `x` and `y`; all labels are held to what they may be."""
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
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is told
            array = array.astype(np.float32)
        if n_bad := np.count_nonzero(~np.isfinite(array)):
            first = np.unravel_index(np.argmin(np.isfinite(array)), array.shape)
            cause = f"{what} holds {n_bad} NaN or infinite values, the first at {[int(i) for i in first]}"
            raise Problem(cause, fix="replace or leave out those examples")
    return _with_all_axes(array)


def _check_form(array: np.ndarray, what: str) -> None:
    """Insist on a type and shape of examples."""
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise Problem(f"{what} is {_form(array)}", fix="give uint8 or floats")
    if array.ndim not in (2, 3, 4) or 0 in array.shape:
        raise Problem(
            f"{what} is {_form(array)}", fix="give [N, H, W, C], [N, H, W] or [N, D], none of them 0"
        )
    if array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[3] > MOST_CHANNELS:
        cause = f"{what} is {_form(array)}, which looks like [N, C, H, W]"
        name = what.rpartition(" ")[2]
        raise Problem(cause, fix=f"put the channels last: np.moveaxis({name}, 1, -1)")


def _with_all_axes(array: np.ndarray) -> np.ndarray:
    """[N, H, W, C] of what lacks W or C: they are 1."""
    return array.reshape(*array.shape, *[1] * (4 - array.ndim))


def _check_labels(labels: np.ndarray, what: str) -> None:
    """Insist on classes 0 to k - 1, two at least."""
    found = np.unique(labels)
    if not np.array_equal(found, np.arange(len(found))) or len(found) < 2:
        raise Problem(
            f"{what} are {_shown(found)}",
            fix="number the classes 0, 1, … without a gap, two or more, all of them in training",
        )


def _check_test_labels(arrays: RawArrays, location: str) -> None:
    """Insist that no class is in the test alone."""
    found = np.unique(arrays["train_y"])
    if len(strange := np.setdiff1d(arrays["test_y"], found)):
        cause = f"{location}: labels {_shown(strange)} occur in the test alone"
        raise Problem(
            cause, fix=f"training has the classes 0 to {len(found) - 1}; the test can have no other"
        )


def _shown(values: np.ndarray) -> str:
    few = [str(value) for value in values[:12]]
    return ", ".join([*few, "…"] if len(values) > 12 else few)


def _form(array: np.ndarray) -> str:
    return f"{array.dtype} {list(array.shape)}"

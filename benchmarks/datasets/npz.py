"""The user's own arrays: `npz:PATH`, a file of NumPy's `savez` or `savez_compressed`.

It holds `x` and `y`, of which a tenth tests and a tenth validates, by seed; or `train_x`, `train_y`,
`test_x` and `test_y`, of which a tenth of the training examples validates. Examples are [N, H, W, C],
[N, H, W] (one channel) or [N, D] (D by 1, one channel): uint8, divided by 255, or floats, taken as
they are. Labels are [N], whole numbers from 0, and every class occurs in training.
"""

from pathlib import Path

import numpy as np

from benchmarks.datasets import own
from benchmarks.datasets.archive import UNREADABLE
from benchmarks.datasets.dataset import KEYS, RawArrays, Split, integers_for, permutation
from benchmarks.errors import Problem

KIND = "images"


def files(location: str) -> list[Path]:
    """The one file."""
    return [own.existing_file(location)]


def split(location: str) -> Split:
    """Numbers of examples, from the labels alone."""
    return _split(_read(location, "y"), location)


def load(location: str) -> own.Loaded:
    """Read and check everything, and draw the test set where it is not apart.

    Raises:
        Problem: no such file, damaged, or arrays that cannot be trained on; says which.
    """
    arrays = _read(location, "x") | _read(location, "y")
    parts = _split(arrays, location)
    arrays = _four(arrays, n_test=parts.test, location=location)
    _check_labels(arrays["train_y"], arrays["test_y"], location=location)
    n_classes = int(arrays["train_y"].max()) + 1
    train, test = arrays["train_x"], arrays["test_x"]
    if (train.dtype, train.shape[1:]) != (test.dtype, test.shape[1:]):
        cause = f"{location}: train_x is {_form(train)}, test_x is {_form(test)}"
        raise Problem(cause, mend="give both the same type and shape of an example")
    arrays |= {key: arrays[key].astype(integers_for(n_classes)) for key in ("train_y", "test_y")}
    scale = 255.0 if train.dtype == np.uint8 else 1.0
    return own.Loaded(arrays, n_classes=n_classes, scale=scale, split=parts)


def _read(location: str, which: str) -> RawArrays:
    """The arrays of examples ("x") or of labels ("y"), in whichever of the two sets of names there is."""
    path = own.existing_file(location)
    try:
        with np.lib.npyio.NpzFile(path, allow_pickle=False) as file:
            names = next((names for names in (KEYS, ("x", "y")) if {*names} <= {*file.files}), None)
            if names is None:
                cause = f"{location} holds {', '.join(file.files) or 'nothing'}"
                raise Problem(cause, mend=f"give the arrays x and y, or {', '.join(KEYS)}")
            return {name: file[name] for name in names if name.endswith(which)}
    except UNREADABLE as error:
        mend = "save it with numpy.savez, arrays of numbers only"
        raise Problem(f"{location} cannot be read: {error}", mend=mend) from error


def _split(arrays: RawArrays, location: str) -> Split:
    for name, array in arrays.items():
        if name.endswith("y") and (array.ndim != 1 or array.dtype.kind not in "iu"):
            cause = f"{location}: {name} is {_form(array)}"
            raise Problem(cause, mend="labels are one whole number for each example, shape [N]")
    if "y" in arrays:
        return own.tenths(len(arrays["y"]), n_test=None, where=location)
    return own.tenths(len(arrays["train_y"]), n_test=len(arrays["test_y"]), where=location)


def _four(arrays: RawArrays, *, n_test: int, location: str) -> RawArrays:
    """The four raw arrays, from themselves or from `x` and `y`."""
    for x_name in [name for name in arrays if name.endswith("x")]:
        arrays[x_name] = _examples(arrays[x_name], f"{location}: {x_name}")
        n, n_labels = len(arrays[x_name]), len(arrays[x_name[:-1] + "y"])
        if n != n_labels:
            cause = f"{location}: {x_name} has {n} examples, {x_name[:-1]}y has {n_labels} labels"
            raise Problem(cause, mend="give one label for each example")
    if "train_x" in arrays:
        return arrays
    test, train = np.split(permutation(len(arrays["y"])), [n_test])
    return {
        f"{part}_{key}": arrays[key][chosen]
        for part, chosen in (("train", train), ("test", test))
        for key in ("x", "y")
    }


def _examples(array: np.ndarray, what: str) -> np.ndarray:
    """Examples as uint8 or float32 [N, H, W, C]."""
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise Problem(f"{what} is {_form(array)}", mend="give uint8 or floats")
    if array.ndim not in (2, 3, 4) or 0 in array.shape:
        raise Problem(
            f"{what} is {_form(array)}", mend="give [N, H, W, C], [N, H, W] or [N, D], none of them 0"
        )
    if array.dtype != np.uint8:
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is told
            array = array.astype(np.float32)
        if n_bad := np.count_nonzero(~np.isfinite(array)):
            first = np.unravel_index(np.argmin(np.isfinite(array)), array.shape)
            cause = f"{what} holds {n_bad} NaN or infinite values, the first at {[int(i) for i in first]}"
            raise Problem(cause, mend="replace or leave out those examples")
    return array.reshape(*array.shape, *[1] * (4 - array.ndim))


def _check_labels(train: np.ndarray, test: np.ndarray, *, location: str) -> None:
    """Insist on classes 0 to k - 1, two at least, each of them in training, none in the test alone."""
    found = np.unique(train)
    if not np.array_equal(found, np.arange(len(found))) or len(found) < 2:
        cause = f"{location}: the labels of the training examples are {_shown(found)}"
        raise Problem(
            cause, mend="number the classes 0, 1, … without a gap, two or more, all of them in training"
        )
    if len(strange := np.setdiff1d(test, found)):
        cause = f"{location}: labels {_shown(strange)} occur in the test alone"
        raise Problem(
            cause, mend=f"training has the classes 0 to {len(found) - 1}; the test can have no other"
        )


def _shown(values: np.ndarray) -> str:
    few = [str(value) for value in values[:12]]
    return ", ".join([*few, "…"] if len(values) > 12 else few)


def _form(array: np.ndarray) -> str:
    return f"{array.dtype} {list(array.shape)}"

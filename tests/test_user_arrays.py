"""The user's own arrays: names, splits, forms, damage, and what is refused."""

import contextlib
import io
import zipfile

import numpy as np
import pytest
from test_user_data import PARTS, refused, round_trip

from benchmarks import datasets
from benchmarks.common.errors import Problem
from benchmarks.datasets import dataset

N, SHAPE = 40, (5, 4, 3)
BYTES = np.arange(N * 60, dtype=np.uint32).astype(np.uint8).reshape(N, *SHAPE)
LABELS = np.arange(N) % 3


def saved(folder, **arrays):
    np.savez_compressed(folder / "own.npz", **arrays)
    return f"npz:{folder / 'own.npz'}"


def numbers(data):
    """Which of the examples 0 to N - 1 each part holds, where every value of an example is its number."""
    return [getattr(data, f"{part}_x")[:, 0, 0, 0].astype(int).tolist() for part in PARTS]


def test_x_and_y_are_split_by_seed_each_example_once(tmp_path):
    x = np.arange(N, dtype=np.float64).reshape(N, 1, 1, 1) + np.zeros(SHAPE)
    data = round_trip(saved(tmp_path, x=x, y=LABELS), tmp_path)
    parts = numbers(data)
    assert [len(part) for part in parts] == [32, 4, 4]
    everyone = [k for part in parts for k in part]
    assert sorted(everyone) == list(range(N)) and everyone != list(range(N))
    for part, name in zip(parts, PARTS, strict=True):
        assert getattr(data, f"{name}_y").tolist() == [k % 3 for k in part]
    assert (data.n_classes, data.train_x.dtype, data.train_y.dtype) == (3, np.float32, np.int32)
    assert numbers(round_trip(f"npz:{tmp_path / 'own.npz'}", tmp_path)) == parts


def test_a_test_set_of_ones_own_stays_and_a_tenth_of_training_validates(tmp_path):
    arrays = {"train_x": BYTES, "train_y": LABELS, "test_x": BYTES[:7], "test_y": LABELS[:7]}
    data = round_trip(saved(tmp_path, **arrays), tmp_path)
    assert np.allclose(data.test_x, BYTES[:7] / 255) and data.test_y.tolist() == LABELS[:7].tolist()
    assert len(data.validation_x) == 4


@pytest.mark.parametrize(("given", "shape"), [((5, 4), (5, 4, 1)), ((60,), (60, 1, 1))])
def test_missing_axes_are_added(tmp_path, given, shape):
    x = np.arange(N).reshape(N, *[1] * len(given)) + np.zeros(given, np.float16)
    assert round_trip(saved(tmp_path, x=x, y=LABELS), tmp_path).train_x.shape == (32, *shape)


def test_more_than_256_classes_keep_their_numbers(tmp_path):
    y = np.tile(np.arange(300), 20)
    data = round_trip(saved(tmp_path, x=np.arange(6000.0)[:, None], y=y), tmp_path)
    assert (data.n_classes, data.train_y.max()) == (300, 299)


def test_the_shape_of_an_example_is_known_without_reading_any(tmp_path):
    np.savez(tmp_path / "fortran.npz", x=np.asfortranarray(BYTES), y=LABELS)
    assert datasets.shape(f"npz:{tmp_path / 'fortran.npz'}") == SHAPE
    assert datasets.shape(saved(tmp_path, x=np.zeros((N, 7)), y=LABELS)) == (7, 1, 1)
    assert datasets.shape("mnist1d") == (40, 1, 1)


def rare(where):
    """Labels 0 and 1, and 2 once, at an example that the split puts there."""
    order = dataset.permutation(N)
    place = {"test": order[0], "validation": order[4:][dataset.permutation(36)[-1]], "train": order[4]}
    y = np.arange(N) % 2
    y[place[where]] = 2
    return y


@pytest.mark.parametrize("where", ["validation", "test"])
def test_a_class_that_the_split_leaves_nothing_of_to_train_on_is_refused(tmp_path, where):
    said = refused(saved(tmp_path, x=BYTES, y=rare(where)), tmp_path)
    counts = "0 for validation and 1 for" if where == "test" else "1 for validation and 0 for"
    assert f"class 2 has no example to train on, {counts} the test" in said and "give more" in said


def test_a_rare_class_that_is_trained_on_is_not(tmp_path):
    data = round_trip(saved(tmp_path, x=BYTES, y=rare("train")), tmp_path)
    assert 2 in data.train_y and 2 not in data.validation_y and 2 not in data.test_y


def test_a_class_that_the_validation_of_ones_own_training_set_takes_is_refused(tmp_path):
    y = LABELS % 2
    y[dataset.permutation(N)[-2:]] = 2
    arrays = {"train_x": BYTES, "train_y": y, "test_x": BYTES[:7], "test_y": LABELS[:7] % 2}
    said = refused(saved(tmp_path, **arrays), tmp_path)
    assert "class 2 has no example to train on, 2 for validation and 0 for the test" in said


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels_first_are_refused_with_the_mend(tmp_path, channels):
    x = np.zeros((N, channels, 8, 8), np.uint8) + np.arange(N, dtype=np.uint8)[:, None, None, None]
    said = refused(saved(tmp_path, x=x, y=LABELS), tmp_path)
    assert f"x is uint8 [40, {channels}, 8, 8], which looks like [N, C, H, W]" in said
    assert "np.moveaxis(x, 1, -1)" in said
    assert round_trip(saved(tmp_path, x=np.moveaxis(x, 1, -1), y=LABELS), tmp_path)


def holed(value):
    x = np.zeros((N, *SHAPE), np.float64)
    x[7, 1, 2, 0] = value
    return x


FLOATS = BYTES.astype(np.float32)
APART = {"train_x": BYTES, "train_y": LABELS, "test_x": BYTES[:7], "test_y": LABELS[:7]}


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": holed(np.nan), "y": LABELS}, "x holds 1 NaN or infinite values, the first at [7, 1, 2, 0]"),
        ({"x": holed(-np.inf), "y": LABELS}, "NaN or infinite"),
        ({"x": holed(1e300), "y": LABELS}, "NaN or infinite"),
        ({"x": FLOATS, "y": LABELS[:-1]}, "x has 40 examples, y has 39 labels"),
        ({**APART, "test_y": LABELS[:6]}, "test_x has 7 examples, test_y has 6 labels"),
        ({"x": FLOATS, "y": LABELS + 1}, "the labels in y are 1, 2, 3"),
        ({"x": FLOATS, "y": LABELS - 1}, "the labels in y are -1, 0, 1"),
        ({"x": FLOATS, "y": LABELS * 2}, "the labels in y are 0, 2, 4"),
        ({"x": FLOATS, "y": LABELS * 0}, "two or more"),
        ({**APART, "train_y": LABELS + 1}, "the labels in train_y are 1, 2, 3"),
        ({**APART, "test_y": LABELS[:7] + 2}, "test_y: labels 3, 4 occur nowhere in the training set"),
        ({**APART, "val_x": BYTES[:7], "val_y": LABELS[:7] + 3}, "val_y: labels 3, 4, 5 occur nowhere"),
        ({**APART, "x_train": BYTES}, "holds both train_x and x_train"),
        ({**APART, "val_x": BYTES[:7]}, "holds train_x"),
        ({**APART, "x": BYTES, "y": LABELS}, "holds train_x"),
        ({"test_x": BYTES, "test_y": LABELS}, "holds test_x, test_y"),
        ({"train_x": BYTES, "train_y": LABELS}, "holds train_x, train_y"),
        ({"x": FLOATS, "y": LABELS * 1.0}, "y is float64 [40]"),
        ({"x": FLOATS, "y": np.eye(3, dtype=int)[LABELS]}, "y is int64 [40, 3]"),
        ({"x": BYTES.astype(int), "y": LABELS}, "x is int64 [40, 5, 4, 3]"),
        ({"x": np.zeros(N), "y": LABELS}, "x is float64 [40]"),
        ({"x": np.zeros((N, 0)), "y": LABELS}, "x is float64 [40, 0]"),
        ({**APART, "test_x": BYTES[:7, :4]}, "test_x is uint8 [7, 4, 4, 3]"),
        ({**APART, "test_x": FLOATS[:7]}, "test_x is float32"),
        ({"x": FLOATS[:9], "y": LABELS[:9]}, "has 9 examples to train on"),
        ({"x": FLOATS, "names": LABELS}, "holds x, names"),
        ({"x": np.array([None] * N), "y": LABELS}, "Object arrays cannot be loaded"),
    ],
)
def test_arrays_that_cannot_be_trained_on_are_refused(tmp_path, arrays, said):
    assert said in refused(saved(tmp_path, **arrays), tmp_path)


COMMON_NAMES = [
    ("x_train", "y_train", "x_test", "y_test"),
    ("X_train", "Y_train", "X_test", "Y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("images_train", "labels_train", "images_test", "labels_test"),
    ("train_data", "train_targets", "test_data", "test_targets"),
]


@pytest.mark.parametrize("names", COMMON_NAMES)
def test_arrays_are_known_by_their_common_names(tmp_path, names):
    data = round_trip(saved(tmp_path, **dict(zip(names, APART.values(), strict=True))), tmp_path)
    assert data.test_y.tolist() == LABELS[:7].tolist() and data.train_x.shape == (36, *SHAPE)


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_a_validation_set_of_ones_own_is_taken(tmp_path, name):
    of_part = {f"{name}_x": BYTES[10:16], f"y_{name}": LABELS[10:16]}
    data = round_trip(saved(tmp_path, **APART, **of_part), tmp_path)
    assert np.allclose(data.validation_x, BYTES[10:16] / 255) and len(data.train_x) == N
    assert data.validation_y.tolist() == LABELS[10:16].tolist() and len(data.test_x) == 7


def test_a_test_set_is_drawn_where_only_a_validation_set_is_given(tmp_path):
    arrays = {"train_x": BYTES, "train_y": LABELS, "val_x": BYTES[:6], "val_y": LABELS[:6]}
    data = round_trip(saved(tmp_path, **arrays), tmp_path)
    assert (len(data.train_x), len(data.validation_x), len(data.test_x)) == (36, 6, 4)
    assert np.allclose(data.validation_x, BYTES[:6] / 255)


def test_labels_may_be_a_column(tmp_path):
    column, row = (saved(tmp_path, x=BYTES, y=y) for y in (LABELS[:, None], LABELS))
    assert round_trip(column, tmp_path).digest == round_trip(row, tmp_path).digest


def test_floats_that_are_bytes_are_divided_by_255(tmp_path):
    floats = round_trip(saved(tmp_path, x=FLOATS, y=LABELS), tmp_path)
    whole = round_trip(saved(tmp_path, x=BYTES, y=LABELS), tmp_path)
    assert np.array_equal(floats.train_x, whole.train_x)
    assert round_trip(saved(tmp_path, x=FLOATS / 100, y=LABELS), tmp_path).train_x.max() > 2


def test_arrays_that_are_not_used_are_named(tmp_path):
    card = datasets.obtained(saved(tmp_path, x=BYTES, y=LABELS, names=LABELS))[2]
    assert card.converted == ["not used: the arrays names"]


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    (tmp_path / "own.npz").write_bytes(content)
    assert "cannot be read" in refused(f"npz:{tmp_path / 'own.npz'}", tmp_path)


def forged(header, *, compression=zipfile.ZIP_STORED):
    """An .npz file whose `x` claims this shape; its labels are good."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as file:
        for name, array in {"x": BYTES, "y": LABELS}.items():
            member = io.BytesIO()
            np.save(member, array)
            content = member.getvalue()
            if name == "x" and header:
                old = str(BYTES.shape).encode()
                content = content.replace(old + b", }" + b" " * (len(header) - len(old)), header + b", }", 1)
            file.writestr(f"{name}.npy", content)
    return made.getvalue()


@pytest.mark.parametrize(
    "header",
    [b"(400, 100000, 100000, 3)", b"(400, 99999999999999999999999)", b"(400, True, 64)", b"(400, -8, -8)"],
)
def test_a_header_that_lies_is_refused(tmp_path, header):
    (tmp_path / "own.npz").write_bytes(forged(header))
    assert "cannot be read" in refused(f"npz:{tmp_path / 'own.npz'}", tmp_path)
    with contextlib.suppress(Problem):  # the shape alone may be possible
        datasets.shape(f"npz:{tmp_path / 'own.npz'}")


@pytest.mark.parametrize("compression", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_damage_within_a_compressed_file_is_named(tmp_path, compression):
    content = bytearray(forged(b"", compression=compression))
    content[80:140] = bytes(60)
    (tmp_path / "own.npz").write_bytes(content)
    assert "own.npz cannot be read" in refused(f"npz:{tmp_path / 'own.npz'}", tmp_path)


def test_a_stored_array_that_was_altered_is_noticed(tmp_path):
    round_trip(saved(tmp_path, x=BYTES, y=LABELS), tmp_path)
    with np.load(tmp_path / "stored.npz") as file:
        arrays = dict(file)
    for altered in (arrays["test_x"] ^ 1, arrays["test_x"][:, ::-1], arrays["test_x"].reshape(4, 4, 5, 3)):
        np.savez(tmp_path / "stored.npz", **{**arrays, "test_x": altered})
        with pytest.raises(Problem, match=r"is damaged: .*test_x"):
            datasets.read(tmp_path / "stored.npz")

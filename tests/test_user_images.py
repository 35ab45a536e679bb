"""The user's own images: class folders, sizes, splits, and what is refused by name."""

import numpy as np
import pytest
from pictures import draw, grey
from PIL import Image
from test_user_data import PARTS, refused, round_trip

from benchmarks import datasets
from benchmarks.common.errors import Problem
from benchmarks.datasets.dataset import permutation


@pytest.fixture
def apart(tmp_path):
    """The same with a test set: twenty images of training, four of the test."""
    for k in range(24):
        part, name = "train" if k < 20 else "test", ("cat", "dog")[k % 2]
        draw(tmp_path / "apart" / part / name / f"{k:02}.png", value=grey(k))
    return tmp_path / "apart"


def values(data):
    """The grey value of each image of each part, and its label."""
    rounded = {part: np.rint(getattr(data, f"{part}_x") * 255).astype(int) for part in PARTS}
    assert all((images == images[:, :1, :1, :1]).all() for images in rounded.values())
    return {
        part: list(zip(images[:, 0, 0, 0].tolist(), getattr(data, f"{part}_y").tolist(), strict=True))
        for part, images in rounded.items()
    }


def test_class_folders_are_split_by_seed_each_image_once(photos, tmp_path):
    data = round_trip(f"images:{photos}", tmp_path)
    found = values(data)
    assert [len(found[part]) for part in PARTS] == [16, 2, 2]
    assert sorted(pair for part in found.values() for pair in part) == [(k, int(k >= 12)) for k in range(20)]
    assert [value for value, _ in found["train"]] != sorted(value for value, _ in found["train"])
    assert (data.train_x.shape, data.train_x.dtype, data.n_classes) == ((16, 5, 6, 3), np.float32, 2)
    assert values(round_trip(f"images:{photos}", tmp_path)) == found


def test_a_test_folder_is_the_test_set(apart, tmp_path):
    found = values(round_trip(f"images:{apart}", tmp_path))
    assert [len(found[part]) for part in PARTS] == [18, 2, 4]
    assert found["test"] == [(20, 0), (22, 0), (21, 1), (23, 1)]
    assert sorted(found["train"] + found["validation"]) == [(k, k % 2) for k in range(20)]


def test_sizes_are_known_without_decoding(photos, monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("opened"))
    assert datasets.split_sizes(f"images:{photos}") == (16, 2, 2)
    assert datasets.fingerprint(f"images:{photos}")


def test_the_shape_is_that_of_one_image_or_of_the_target(photos):
    assert datasets.shape(f"images:{photos}") == (5, 6, 3)
    assert datasets.shape(f"images:{photos}@4x7") == (4, 7, 3)
    (photos / "cat" / "00.png").write_bytes(b"no image")
    with pytest.raises(Problem, match=r"00\.png"):
        datasets.shape(f"images:{photos}")


def test_a_folder_whose_name_ends_like_a_size_is_told(photos):
    folder = photos.rename(photos.with_name("photos@32"))
    with pytest.raises(Problem, match="the end of the folder's name is read as a size") as raised:
        datasets.shape(f"images:{folder}")
    assert f"images:{folder}@32" in raised.value.fix
    assert datasets.shape(f"images:{folder}@32") == (32, 32, 3)


def test_hidden_files_are_left_out(photos, tmp_path):
    (photos / "cat" / ".DS_Store").write_bytes(b"x")
    (photos / ".thumbnails").mkdir()
    assert round_trip(f"images:{photos}", tmp_path).n_classes == 2


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tiff", "webp"])
def test_any_format_of_grey_images(tmp_path, suffix):
    for k in range(10):
        draw(tmp_path / "a" / "xy"[k % 2] / f"{k}.{suffix}", mode="L", value=k)
    grey_itself = suffix not in ("gif", "webp")  # those keep grey values as a palette and as RGB
    source = f"images:{tmp_path / 'a'}" + ("" if grey_itself else "@5x6")
    assert round_trip(source, tmp_path).train_x.shape == (8, 5, 6, 1 if grey_itself else 3)


def test_a_new_image_changes_the_fingerprint(photos):
    before = datasets.fingerprint(f"images:{photos}")
    (photos / "cat" / "00.png").rename(photos / "dog" / "00.png")
    assert datasets.fingerprint(f"images:{photos}") != before


# A size


@pytest.mark.parametrize(("size", "shape"), [("@8", (8, 8, 3)), ("@4x7", (4, 7, 3))])
def test_a_target_size_brings_all_to_one_form(photos, tmp_path, size, shape):
    draw(photos / "cat" / "wide.jpg", size=(40, 10), mode="L", value=30)
    draw(photos / "dog" / "clear.png", mode="RGBA", value=(31, 31, 31, 255))
    draw(photos / "dog" / "few.gif", size=(3, 3), mode="P", value=0)
    data = round_trip(f"images:{photos}{size}", tmp_path)
    assert data.train_x.shape[1:] == shape
    assert {30, 31} <= {value for part in values(data).values() for value, _ in part}


def test_resizing_is_that_of_pillow(tmp_path):
    pixels = np.random.default_rng(3).integers(0, 256, (20, 9, 12, 3), dtype=np.uint8)
    for k in range(20):
        path = tmp_path / "a" / "xy"[k // 10] / f"{k:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[k]).save(path)
    chosen = Image.fromarray(pixels[permutation(20)[0]])
    data = round_trip(f"images:{tmp_path / 'a'}@3x4", tmp_path)
    assert np.allclose(data.test_x[0] * 255, np.asarray(chosen.resize((4, 3), Image.Resampling.BILINEAR)))


def test_a_size_of_nothing_is_refused(photos, tmp_path):
    assert "a size of 0 × 8" in refused(f"images:{photos}@0x8", tmp_path)


@pytest.mark.parametrize("size", ["@999999", "@8x4097"])
def test_a_size_beyond_all_memory_is_refused(photos, tmp_path, size):
    assert "at most 4096" in refused(f"images:{photos}{size}", tmp_path)


# Refused


def spoil_layout(folder, kind):
    if kind == "empty class":
        (folder / "empty").mkdir()
    elif kind == "no classes":
        (folder / "cat").rename(folder / ".cat")
        (folder / "dog").rename(folder / ".dog")
    elif kind == "one class":
        (folder / "cat").rename(folder / ".cat")
    elif kind == "a folder in a class":
        (folder / "cat" / "more").mkdir()
    elif kind == "few":
        for path in [*(folder / "cat").iterdir()][1:]:
            path.unlink()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("empty class", "no image of class empty"),
        ("no classes", "holds no class folders"),
        ("one class", "holds 1 class folder\n"),
        ("a folder in a class", "cat/more is a folder within a class"),
        ("few", "has 9 examples to train on"),
    ],
)
def test_folders_that_make_no_dataset_are_refused(photos, tmp_path, kind, said):
    spoil_layout(photos, kind)
    assert said in refused(f"images:{photos}", tmp_path)


def test_classes_must_be_those_of_the_test(apart, tmp_path):
    (apart / "test" / "dog").rename(apart / "test" / "wolf")
    assert "only one of train and test has dog, wolf" in refused(f"images:{apart}", tmp_path)


def test_a_third_folder_beside_train_and_test_is_not_left_out_silently(apart):
    (apart / "bird").mkdir()
    with pytest.raises(Problem, match="holds bird beside train and test"):
        datasets.split_sizes(f"images:{apart}")


@pytest.mark.parametrize("train", ["Train", "training", "TRAINING"])
@pytest.mark.parametrize("test", ["Test", "Testing"])
def test_train_and_test_are_known_by_their_other_names(apart, tmp_path, train, test):
    (apart / "train").rename(apart / train)
    (apart / "test").rename(apart / test)
    assert len(round_trip(f"images:{apart}", tmp_path).test_x) == 4


def test_two_folders_of_one_part_are_refused(apart, tmp_path):
    (apart / "Testing" / "cat").mkdir(parents=True)
    assert "holds both Testing and test" in refused(f"images:{apart}", tmp_path)


def test_images_in_train_and_test_without_class_folders_are_refused(tmp_path):
    for part in ("Training", "Testing"):
        for k in range(10):
            draw(tmp_path / "flat" / part / f"{k}.png", value=grey(k))
    assert "Training holds no class folders" in refused(f"images:{tmp_path / 'flat'}", tmp_path)


@pytest.mark.parametrize("name", ["val", "Valid", "validation"])
def test_a_validation_folder_is_the_validation_set(apart, tmp_path, name):
    (apart / "test").rename(apart / name)
    data = round_trip(f"images:{apart}", tmp_path)
    assert sorted(values(data)["validation"]) == [(20, 0), (21, 1), (22, 0), (23, 1)]
    assert len(data.test_x) == 2 and {*values(data)["test"]} < {(k, k % 2) for k in range(20)}


def test_all_three_parts_may_have_folders(apart, tmp_path):
    for k in range(24, 27):
        for name in ("cat", "dog"):
            draw(apart / "val" / name / f"{k:02}.png", value=grey(k + 10 * (name == "dog")))
    data = values(round_trip(f"images:{apart}", tmp_path))
    assert len(data["train"]) == 20 and sorted(value for value, _ in data["validation"]) == [
        *(24, 25, 26),
        *(34, 35, 36),
    ]
    assert [value for value, _ in data["test"]] == [20, 22, 21, 23]


def with_one_bird(folder, place):
    """Ants, one bird and cats, twenty in all, the bird at this place in the order of names."""
    for k in range(20):
        name = "bird" if k == place else "ant" if k < place else "cat"
        draw(folder / name / f"{k:02}.png", value=grey(k))
    return f"images:{folder}"


def test_a_class_that_is_not_trained_on_is_refused_by_its_name(tmp_path):
    order = permutation(20)
    test, (*train, validation) = order[:2], order[2:][permutation(18)]
    for place in (test[1], validation):
        said = refused(with_one_bird(tmp_path / f"{place}", place), tmp_path)
        assert "class bird has no example to train on" in said and "give more" in said
    assert round_trip(with_one_bird(tmp_path / "trained", train[0]), tmp_path).n_classes == 3


def test_a_file_is_no_folder(photos, tmp_path):
    assert "is not a folder" in refused(f"images:{photos / 'cat' / '00.png'}", tmp_path)

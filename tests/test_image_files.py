"""Image files: what is converted and said to be, and entries that are no images."""

import os
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from pictures import draw, grey
from PIL import Image
from test_user_data import refused, round_trip

from benchmarks import datasets
from benchmarks.common import progress
from benchmarks.datasets import image_files


def icon(path, *, square):
    """An icon whose colour is 0 everywhere: its shape is in its transparency alone."""
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[square, square, 3] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def test_transparency_is_laid_over_white(tmp_path):
    for k in range(40):
        icon(tmp_path / "icons" / ("a", "b")[k % 2] / f"{k:02}.png", square=slice(k % 2 * 8, 4 + k % 8))
    data = round_trip(f"images:{tmp_path / 'icons'}@16x16", tmp_path)
    of_a = data.train_x[data.train_y == 0]
    assert (of_a[:, 0, 0] == 0).all() and (of_a[:, 15, 15] == 1).all()
    card = datasets.obtained(f"images:{tmp_path / 'icons'}@16x16")[2]
    assert "40 images with transparency, laid over white" in card.converted


UPRIGHT = np.arange(90, dtype=np.uint8).reshape(5, 6, 3)
HELD = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.transpose(1, 0, 2),
    6: np.rot90(UPRIGHT),
    7: UPRIGHT[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(UPRIGHT, -1),
}
"""What the sensor recorded when the camera was held in each way (CIPA DC-008)."""


@pytest.mark.parametrize("ending", ["png", "webp"])
@pytest.mark.parametrize("orientation", HELD)
def test_images_are_turned_upright(tmp_path, orientation, ending):
    path = tmp_path / f"a.{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if ending == "webp" else {}
    Image.fromarray(np.ascontiguousarray(HELD[orientation])).save(path, exif=exif, **lossless)
    pixels, converted = image_files.decoded([path], size=None)
    assert (pixels[0] == UPRIGHT).all()
    assert converted == (["1 image turned upright, as the EXIF orientation says"] if orientation > 1 else [])


def test_images_that_pillow_turns_itself_are_told(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(HELD[6])).save(tmp_path / "a.tiff", exif=exif)
    pixels, converted = image_files.decoded([tmp_path / "a.tiff"], size=None)
    assert (pixels[0] == UPRIGHT).all()
    assert converted == ["1 image turned upright, as the EXIF orientation says"]


def test_reading_images_tells_how_far_it_is(tmp_path, monkeypatch, capfd):
    draw(tmp_path / "a.png", size=(8, 8))
    monkeypatch.setattr(progress, "PAUSE_S", 0)
    image_files.decoded([tmp_path / "a.png"] * 3, size=None)
    assert "progress: images read: 2 of 3" in capfd.readouterr().err


def test_a_damaged_exif_block_turns_nothing(tmp_path):
    Image.fromarray(UPRIGHT).save(tmp_path / "a.png", exif=b"Exif\0\0no such thing")
    assert (image_files.decoded([tmp_path / "a.png"], size=None)[0][0] == UPRIGHT).all()


def test_every_conversion_is_counted(tmp_path):
    draw(tmp_path / "a.png", size=(20, 10), mode="L")
    draw(tmp_path / "b.png", size=(8, 8))
    _, converted = image_files.decoded([tmp_path / "a.png", tmp_path / "b.png"], size=(8, 8))
    assert converted == [
        "1 image converted to RGB from L",
        "1 image resized to 8 × 8, most often from 20 × 10",
    ]


# Sizes, modes and entries that cannot be used


def test_mixed_sizes_are_named_with_their_counts(photos, tmp_path):
    draw(photos / "dog" / "odd.png", size=(7, 5))
    said = refused(f"images:{photos}", tmp_path)
    assert "20 are 6 wide, 5 high, RGB" in said and "1 are 7 wide, 5 high, RGB" in said
    assert "odd.png" in said and "@32" in said


def test_mixed_modes_are_named_with_their_counts(photos, tmp_path):
    for name in ("a", "b"):
        draw(photos / "cat" / f"{name}.png", mode="L")
    said = refused(f"images:{photos}", tmp_path)
    assert "20 are 6 wide, 5 high, RGB" in said and "2 are 6 wide, 5 high, L" in said


def truncated(path):
    path.write_bytes(path.read_bytes()[:-30])


def no_image(path):
    path.write_bytes(b"GIF? no, only text")


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("spoil", [truncated, no_image, flipped, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("size", ["", "@8"])
def test_a_corrupt_image_is_named(photos, tmp_path, spoil, size):
    spoil(photos / "dog" / "15.png")
    said = refused(f"images:{photos}{size}", tmp_path)
    assert said.startswith("not usable as images") and "15.png" in said and "14.png" not in said


@pytest.mark.parametrize("size", ["", "@8"])
def test_what_is_no_image_and_what_is_cut_short_are_named_at_once(photos, tmp_path, size):
    no_image(photos / "cat" / "3.png")
    truncated(photos / "dog" / "15.png")
    said = refused(f"images:{photos}{size}", tmp_path)
    assert "3.png" in said and "15.png" in said


def test_many_corrupt_images_are_counted(photos, tmp_path):
    for path in sorted((photos / "cat").iterdir()):
        no_image(path)
    said = refused(f"images:{photos}", tmp_path)
    assert "00.png" in said and "02.png" in said and "03.png" not in said and "and 9 more" in said


def test_every_image_is_tried_beyond_the_first_chunk(photos, monkeypatch, tmp_path):
    monkeypatch.setattr(image_files, "CHUNK", 3)
    truncated(photos / "dog" / "19.png")
    assert "19.png" in refused(f"images:{photos}", tmp_path)


@pytest.mark.parametrize("size", ["", "@8"])
def test_sixteen_bits_are_not_cut_off_silently(photos, tmp_path, size):
    Image.fromarray(np.full((5, 6), 40_000, np.uint16)).save(photos / "cat" / "deep.png")
    said = refused(f"images:{photos}{size}", tmp_path)
    assert "deep.png has more than 8 bits per value" in said


@pytest.mark.parametrize("size", ["", "@8"])
def test_sixteen_bits_in_colour_are_not_cut_off_silently(photos, tmp_path, size):
    row = b"\0" + np.arange(18, dtype=">u2").tobytes()
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", 6, 5, 16, 2, 0, 0, 0),
        b"IDAT": zlib.compress(row * 5),
        b"IEND": b"",
    }
    parts = [
        struct.pack(">I", len(of)) + name + of + struct.pack(">I", zlib.crc32(name + of))
        for name, of in chunks.items()
    ]
    (photos / "cat" / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert "deep.png has more than 8 bits per value" in refused(f"images:{photos}{size}", tmp_path)


def test_more_than_there_is_memory_is_refused_by_size(photos, monkeypatch, tmp_path):
    monkeypatch.setattr(image_files.psutil, "virtual_memory", lambda: SimpleNamespace(total=10_000))
    assert "need 0 GiB of memory" in refused(f"images:{photos}@16", tmp_path)


def test_a_palette_needs_a_target_size(tmp_path):
    for k in range(10):
        path = draw(tmp_path / "a" / "xy"[k % 2] / f"{k}.png")
        Image.new("RGB", (6, 5), grey(k)).quantize(4).save(path)
    assert "neither grey (L) nor RGB" in refused(f"images:{tmp_path / 'a'}", tmp_path)
    assert round_trip(f"images:{tmp_path / 'a'}@5x6", tmp_path).n_classes == 2


# Entries that are no images


def test_a_pipe_is_named_and_not_waited_for(photos, tmp_path):
    os.mkfifo(photos / "cat" / "pipe.png")
    assert "pipe.png (not a regular file)" in refused(f"images:{photos}", tmp_path)


def test_a_link_to_nothing_is_named(photos, tmp_path):
    (photos / "cat" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert "gone.png (a link to nothing)" in refused(f"images:{photos}", tmp_path)


def test_an_image_beyond_all_memory_is_named_by_its_size(photos, monkeypatch, tmp_path):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    Image.new("1", (2000, 1001)).save(photos / "cat" / "huge.png")
    assert "huge.png (more than 2 million pixels)" in refused(f"images:{photos}@8", tmp_path)

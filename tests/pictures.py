"""Small pictures of one colour, for the tests of image folders and files."""

from PIL import Image


def draw(path, *, size=(6, 5), mode="RGB", value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)
    return path


def grey(value):
    return (value, value, value)

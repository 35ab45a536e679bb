"""The windows that convolution and pooling slide over an image."""

from collections.abc import Iterator

Slices = tuple[slice, slice, slice]
Place = tuple[int, int]


def places(window: Place, *, stride: int, counts: Place) -> Iterator[tuple[Place, Slices]]:
    """For each place (i, j) in a window, row by row: what takes it from every window of [N, H, W, C].

    `counts` windows (p, q) fit in height and width; window (p, q) begins at pixel (p · stride, q · stride),
    so its place (i, j) is pixel (p · stride + i, q · stride + j). The slices give [N, *counts, C].
    """
    for i in range(window[0]):
        for j in range(window[1]):
            rows = slice(i, i + stride * (counts[0] - 1) + 1, stride)
            columns = slice(j, j + stride * (counts[1] - 1) + 1, stride)
            yield (i, j), (slice(None), rows, columns)

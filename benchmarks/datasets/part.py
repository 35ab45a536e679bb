"""A part of a training set: a share of its examples, or fewer of some classes than of others.

It is named behind its data set, as in `mnist/fraction=0.25`, `digits/imbalance=10`, or both in this order.
Validation and test sets stay whole, so that accuracies are of the same examples whatever the part is.
"""

import re
from typing import NamedTuple

import numpy as np

from benchmarks.common.errors import Problem

NUMBER = r"([0-9]{1,6}(?:\.[0-9]{1,6})?)"
NAMED = re.compile(rf"(.*?)(?:/fraction={NUMBER})?(?:/imbalance={NUMBER})?\Z", re.DOTALL)
MALFORMED = re.compile(r"/(?:fraction|imbalance)=")
SLUG = re.compile(r"(.*?)(?:--fraction-([0-9-]+))?(?:--imbalance-([0-9-]+))?")
"""In results, two hyphens stand before a part; names of a user's own data have one at a time."""
ROUNDING = 1e-9
"""A product of decimal numbers may lie this much below the whole number that it is."""
MOST = 0.8
"""What the most frequent class keeps of an even share of the examples. The classes of a data set are seldom
quite even, and so even a class with somewhat fewer has as many."""


class Part(NamedTuple):
    """The share of the training examples that is kept, and how uneven its classes are.

    `imbalance` is the number of examples of the first class over that of the last; between them the numbers
    fall by the same factor from class to class (Cui et al. 2019, arXiv 1901.05555, section 5.1).
    """

    fraction: float = 1.0
    imbalance: float = 1.0

    @property
    def slug(self) -> str:
        """What the part adds to the data set's name in results."""
        numbers = zip(self._fields, self, strict=True)
        return "".join(
            f"--{name}-{_digits(value)}".replace(".", "-") for name, value in numbers if value != 1
        )

    def of_classes(self, n_training: int, n_classes: int) -> np.ndarray:
        """The number of examples that each class keeps, [n_classes], where the classes are uneven."""
        most = int(MOST * self.fraction * n_training / n_classes + ROUNDING)
        places = np.arange(n_classes) / max(1, n_classes - 1)
        return np.floor(most * self.imbalance**-places + ROUNDING).astype(int)

    def n_kept(self, n_training: int, n_classes: int | None) -> int:
        """The number of training examples that are kept; classes count where they are uneven.

        Raises:
            Problem: nothing is kept, or there are no classes to be uneven.
        """
        if self.imbalance == 1:
            kept = int(self.fraction * n_training + ROUNDING)
        elif n_classes is None:
            raise Problem(
                "an imbalance is for the built-in data sets of images: of others, the classes are not known "
                "before they are read",
                fix="leave out /imbalance=…, or make the data uneven yourself",
            )
        else:
            of_classes = self.of_classes(n_training, n_classes)
            kept = int(of_classes.sum()) * bool(of_classes.min())
        if kept < 1:
            raise Problem(
                f"of {n_training} training examples, or of one of their classes, none is left",
                fix="keep a larger part, or a less uneven one",
            )
        return kept


WHOLE = Part()


def _digits(value: float) -> str:
    """A number as it was written: at most six digits on either side of the point, and no exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def named(source: str) -> tuple[str, Part]:
    """The name of a data set without that of its part, and the part.

    Raises:
        Problem: there is no such part.
    """
    base, *numbers = NAMED.match(source).groups()
    part = Part(*(1.0 if number is None else float(number) for number in numbers))
    if not (0 < part.fraction <= 1 and part.imbalance >= 1) or MALFORMED.search(base.partition(":")[0]):
        raise Problem(
            f"data set {source!r} has no such part",
            fix="a fraction lies above 0 and up to 1, an imbalance is 1 or more: mnist/fraction=0.25",
        )
    return base, part


def of_slug(name: str) -> tuple[str, Part]:
    """The data set's name in results without what its part adds, and the part."""
    base, *numbers = SLUG.fullmatch(name).groups()
    return base, Part(*(1.0 if number is None else float(number.replace("-", ".")) for number in numbers))


def chosen(labels: np.ndarray, part: Part, *, n_kept: int, n_classes: int) -> np.ndarray:
    """The places that are kept among all training examples, whose labels [N] are in the order of the split.

    They are the first ones, and where classes are uneven, the first of each class.

    Raises:
        Problem: a class has too few.
    """
    if part.imbalance == 1:
        return np.arange(n_kept)
    due = part.of_classes(len(labels), n_classes)
    found = [np.flatnonzero(labels == number)[:n] for number, n in enumerate(due)]
    for number, (places, n) in enumerate(zip(found, due, strict=True)):
        if len(places) < n:
            raise Problem(
                f"class {number} has {len(places)} training examples, and {n} are wanted of it",
                fix="take a smaller fraction",
            )
    return np.sort(np.concatenate(found))

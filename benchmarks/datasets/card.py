"""The card of a data set: what is in it, what was done to it, and what about it looks odd.

It is shown before the first training, stands in the report, and lies beside the data as JSON.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import computed_field

from benchmarks.common.errors import Problem
from benchmarks.common.value import Value
from benchmarks.datasets.dataset import Facts, RawArrays, division

PARTS = ("train", "validation", "test")
WORDS = {"train": "training", "validation": "validation", "test": "test"}
FEW_OF_A_CLASS = 10
"""With fewer training examples, what is learnt of a class is chance."""
FEW_TO_TEST = 100
"""With fewer test examples, a single one changes the accuracy by more than a per cent."""
SPREAD = 10.0
"""How many times as large the largest value of one part may be as that of another."""
SMALLEST_VALUE = 0.1
UNEVEN = 1.5
"""How many times its even share the most frequent class may take."""
LARGEST_VALUE = 10.0
"""Initial parameters are drawn for values of about 1."""
N_NAMED = 10


class Card(Value):
    """What is known of a data set; numbers are of examples, images or windows of text.

    `classes` has the numbers of each class in the three parts, and is empty for text. `values` are the
    smallest and the largest after scaling, `largest` the largest size in each part. `chance_level` is the
    share of the most frequent class in the test set, an accuracy that takes no training. `repeated` are the
    examples of one part that are in another one too, as "test in train". `contradictory` examples occur
    under several labels, in any part.
    """

    dataset: str
    source: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    sizes: dict[str, int]
    classes: dict[str, tuple[int, int, int]]
    values: tuple[float, float]
    largest: dict[str, float]
    chance_level: float
    repeated: dict[str, int]
    contradictory: int
    constant: int
    converted: list[str]
    warnings: list[str] = []

    @computed_field
    @property
    def sentences(self) -> list[str]:
        """The card in words, without its warnings."""
        sizes = ", ".join(f"{self.sizes[part]:,} {part}" for part in PARTS)
        divided = f", from {self.dtype} divided by {self.scale:g}" if self.scale != 1 else ""
        said = [
            f"{sizes} {_noun(self.kind)} of {' × '.join(map(str, self.shape))}; "
            f"values {self.values[0]:g} to {self.values[1]:g}{divided}"
        ]
        if self.classes:
            named = [f"{name} {' + '.join(map(str, n))}" for name, n in self.classes.items()]
            more = f", and {len(named) - N_NAMED} more" if len(named) > N_NAMED else ""
            said += [
                f"{len(named)} classes, train + validation + test: {', '.join(named[:N_NAMED])}{more}; "
                f"always the most frequent one is right in {self.chance_level:.1%} of the test set"
            ]
        return [*said, *(f"converted: {each}" for each in self.converted)]


def _noun(kind: str) -> str:
    return "windows of text" if kind == "tokens" else "examples"


def card(
    facts: Facts, arrays: RawArrays, *, source: str, classes: Sequence[object], converted: Sequence[str] = ()
) -> Card:
    """The card of these raw arrays, with `classes` named in the order of the labels.

    Raises:
        Problem: nothing could be learnt from the training set.
    """
    train, validation = division(facts)
    x = dict(
        zip(PARTS, (arrays["train_x"][train], arrays["train_x"][validation], arrays["test_x"]), strict=True)
    )
    y = dict(
        zip(PARTS, (arrays["train_y"][train], arrays["train_y"][validation], arrays["test_y"]), strict=True)
    )
    contents = {part: _digests(x[part]) for part in PARTS}
    counts = np.stack([np.bincount(y[part].ravel(), minlength=facts.n_classes) for part in PARTS], axis=1)
    contradictory = 0
    if facts.kind == "images":
        _check_learnable(contents["train"], y["train"], source)
        contradictory = _contradictory(
            [each for part in PARTS for each in contents[part]], np.concatenate([*y.values()])
        )
    found = Card(
        dataset=facts.name,
        source=source,
        kind=facts.kind,
        shape=facts.shape,
        dtype=facts.dtype,
        scale=facts.scale,
        sizes={part: len(x[part]) for part in PARTS},
        classes={_shown(name): tuple(n) for name, n in zip(classes, counts.tolist(), strict=True)}
        if facts.kind == "images"
        else {},
        values=_values(x, facts),
        largest={
            part: float(np.abs(of_part.astype(float)).max()) / facts.scale for part, of_part in x.items()
        },
        chance_level=counts[:, 2].max() / counts[:, 2].sum(),
        repeated=_repeated(contents),
        contradictory=contradictory,
        constant=sum(_n_constant(of_part) for of_part in x.values()) if facts.kind == "images" else 0,
        converted=[*converted],
    )
    return found.model_copy(update={"warnings": [*_warnings(found)]})


def _shown(name: object) -> str:
    """The name of a class in letters that can be printed and written."""
    return "".join(letter if letter.isprintable() else "�" for letter in str(name))


def _digests(examples: np.ndarray) -> list[bytes]:
    """A digest of each example."""
    rows = np.ascontiguousarray(examples)
    return [hashlib.blake2b(row, digest_size=8).digest() for row in rows]


def _contradictory(contents: list[bytes], labels: np.ndarray) -> int:
    """The number of examples that occur under several labels."""
    pairs = Counter(content for content, _ in {*zip(contents, labels.tolist(), strict=True)})
    return sum(pairs[content] > 1 for content in contents)


def _check_learnable(contents: list[bytes], labels: np.ndarray, source: str) -> None:
    """Refuse a training set that is one example again and again, or whose examples tell no class."""
    fix = "look at what was read: the class may lie in something that conversion removes"
    if len({*contents}) == 1:
        raise Problem(f"{source}: all {len(contents)} examples to train on are identical", fix=fix)
    if _contradictory(contents, labels) == len(contents):
        raise Problem(f"{source}: each of the examples to train on occurs in several classes", fix=fix)


def _values(x: RawArrays, facts: Facts) -> tuple[float, float]:
    ends = [(float(of_part.min()), float(of_part.max())) for of_part in x.values()]
    return min(lo for lo, _ in ends) / facts.scale, max(hi for _, hi in ends) / facts.scale


def _repeated(contents: dict[str, list[bytes]]) -> dict[str, int]:
    """How many examples of a part are in an earlier part too."""
    pairs = (("validation", "train"), ("test", "train"), ("test", "validation"))
    within = {part: {*of_part} for part, of_part in contents.items()}
    return {f"{a} in {b}": sum(content in within[b] for content in contents[a]) for a, b in pairs}


def _n_constant(examples: np.ndarray) -> int:
    """The number of examples of which all values are the same."""
    rows = examples.reshape(len(examples), -1)
    return int((rows == rows[:, :1]).all(axis=1).sum())


def _warnings(found: Card) -> Iterator[str]:
    """What looks odd, and why it matters."""
    noun = _noun(found.kind)
    for where, n in found.repeated.items():
        if n:
            part, _, other = where.partition(" in ")
            yield (
                f"{n} of the {found.sizes[part]} {part} {noun} are in the {WORDS[other]} set too: "
                f"the accuracy on the {part} set says less about new ones"
            )
    if found.contradictory:
        yield f"{found.contradictory} {noun} occur in several classes"
    if found.constant:
        yield f"{found.constant} {noun} have the same value everywhere: nothing can be seen in them"
    few = [name for name, (train, _, _) in found.classes.items() if train < FEW_OF_A_CLASS]
    if few:
        yield f"fewer than {FEW_OF_A_CLASS} {noun} to train on in {_some(few)}"
    untested = [name for name, (_, _, test) in found.classes.items() if not test]
    if untested:
        yield f"no example of {_some(untested)} in the test set"
    if found.classes and found.chance_level > min(UNEVEN / len(found.classes), (1 + UNEVEN) / 3):
        yield (
            f"the classes are uneven: an accuracy of {found.chance_level:.1%} takes no training, "
            f"so set the target well above it"
        )
    if found.sizes["test"] < FEW_TO_TEST:
        n = found.sizes["test"]
        yield f"a single one of the {n} test {noun} is {1 / n:.1%} of accuracy"
    if found.kind == "images" and max(found.largest.values()) > SPREAD * min(found.largest.values()):
        sizes = ", ".join(f"{value:g} in {part}" for part, value in found.largest.items())
        yield f"the parts are scaled differently: values up to {sizes}"
    if found.kind == "images" and max(found.largest.values()) < SMALLEST_VALUE:
        yield f"values of at most {max(found.largest.values()):g} are tiny: scale them to about -1 to 1"
    if found.kind == "images" and max(map(abs, found.values)) > LARGEST_VALUE:
        yield (
            f"values from {found.values[0]:g} to {found.values[1]:g} are too large for the initial "
            "parameters: scale them to about -1 to 1"
        )


def _some(names: list[str]) -> str:
    """Up to so many names, and how many more there are."""
    more = f" and {len(names) - N_NAMED} more classes" if len(names) > N_NAMED else ""
    return f"class {', '.join(names[:N_NAMED])}{more}"

"""The card of a data set: what is in it, what was done to it, and what about it looks odd.

It is shown before the first training, stands in the report, and lies beside the data as JSON.
"""

import hashlib
import math
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
    smallest and the largest of each part after scaling. `chance_level` is the share of the most frequent
    class in the test set, an accuracy that takes no training. `repeated` are the examples of one part that
    are in another one too, as "test in train". `contradictory` examples occur under several labels, in any
    part; `contradictory_files` names some of them, where each is a file.
    """

    dataset: str
    source: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    sizes: dict[str, int]
    classes: dict[str, tuple[int, int, int]]
    values: dict[str, tuple[float, float]]
    chance_level: float
    repeated: dict[str, int]
    contradictory: int
    contradictory_files: list[str] = []
    constant: int
    converted: list[str]

    @computed_field
    @property
    def warnings(self) -> list[str]:
        """What looks odd, and why it matters."""
        return [*_warnings(self)]

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest value of all parts."""
        return min(lo for lo, _ in self.values.values()), max(hi for _, hi in self.values.values())

    @property
    def text(self) -> str:
        """The card as lines for the terminal."""
        lines = [f"data {self.dataset}:", *self.sentences, *(f"warning: {each}" for each in self.warnings)]
        return "\n  ".join(lines)

    @computed_field
    @property
    def sentences(self) -> list[str]:
        """The card in words, without its warnings."""
        sizes = ", ".join(f"{self.sizes[part]:,} {part}" for part in PARTS)
        divided = f", from {self.dtype} divided by {self.scale:g}" if self.scale != 1 else ""
        said = [
            f"{sizes} {_noun(self.kind)} of {' × '.join(map(str, self.shape))}; "
            f"values {self.ends[0]:g} to {self.ends[1]:g}{divided}"
        ]
        if self.classes:
            named = [f"{name} {' + '.join(map(str, n))}" for name, n in self.classes.items()]
            more = f", and {len(named) - N_NAMED} more" if len(named) > N_NAMED else ""
            said += [
                f"{len(named)} classes, train + validation + test: {', '.join(named[:N_NAMED])}{more}; "
                f"always the most frequent one is right in {self.chance_level:.1%} of the test set"
            ]
        said += [f"converted: {each}" for each in self.converted]
        if self.classes:
            known = " and ".join(
                f"the {self.sizes[part]:,} {part} {_noun(self.kind)} to ± {_margin(self.sizes[part])}"
                for part in PARTS[1:]
            )
            said.append(
                f"an accuracy of one half is known on {known} (95 %, by the number of examples alone)"
            )
        return said


def _margin(n: int) -> str:
    """Half the 95 % interval of a share of one half among n independent examples (normal distribution)."""
    return f"{1.96 * math.sqrt(0.25 / n):.1%}"


def _noun(kind: str) -> str:
    return "windows of text" if kind == "tokens" else "examples"


def card(
    facts: Facts,
    arrays: RawArrays,
    *,
    source: str,
    classes: Sequence[object],
    converted: Sequence[str] = (),
    contradictory_files: Sequence[str] = (),
) -> Card:
    """The card of these raw arrays, with `classes` named in the order of the labels.

    Raises:
        Problem: nothing could be learnt from the training set.
    """
    x, y = (_in_parts(arrays, kind, facts) for kind in "xy")
    contents = {part: digests(x[part]) for part in PARTS}
    counts = np.stack([np.bincount(y[part].ravel(), minlength=facts.n_classes) for part in PARTS], axis=1)
    contradictory = 0
    if facts.kind == "images":
        _check_learnable(contents["train"], y["train"], source)
        contradictory = _contradictory(
            [each for part in PARTS for each in contents[part]], np.concatenate([*y.values()])
        )
    return Card(
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
        values={
            part: (float(of_part.min()) / facts.scale, float(of_part.max()) / facts.scale)
            for part, of_part in x.items()
        },
        chance_level=counts[:, 2].max() / counts[:, 2].sum(),
        repeated=_repeated(contents),
        contradictory=contradictory,
        contradictory_files=[*map(_shown, contradictory_files)],
        constant=sum(_n_constant(of_part) for of_part in x.values()) if facts.kind == "images" else 0,
        converted=[*converted],
    )


def _in_parts(arrays: RawArrays, kind: str, facts: Facts) -> RawArrays:
    """The examples ("x") or labels ("y") of each part."""
    train, validation = division(facts, arrays["train_y"])
    source, test = arrays[f"train_{kind}"], arrays[f"test_{kind}"]
    return dict(zip(PARTS, (source[train], source[validation], test), strict=True))


def _shown(name: object) -> str:
    """The name of a class in letters that can be printed and written, different for different names."""
    letters = (letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(name))
    return "".join(letters)


def digests(examples: np.ndarray) -> list[bytes]:
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


def _repeated(contents: dict[str, list[bytes]]) -> dict[str, int]:
    """How many examples of a part are in an earlier part too."""
    pairs = (("validation", "train"), ("test", "train"), ("test", "validation"))
    within = {part: {*of_part} for part, of_part in contents.items()}
    return {f"{a} in {b}": sum(content in within[b] for content in contents[a]) for a, b in pairs}


def _n_constant(examples: np.ndarray) -> int:
    """The number of examples that are one colour; examples are [N, H, W, C]."""
    return int((examples == examples[:, :1, :1]).all(axis=(1, 2, 3)).sum())


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
        named = f", such as {'; '.join(found.contradictory_files)}" if found.contradictory_files else ""
        yield f"{found.contradictory} {noun} occur in several classes{named}"
    if found.constant:
        yield f"nothing can be seen in {found.constant} of the {noun}: each is one colour everywhere"
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
    if found.kind == "images":
        yield from _warnings_of_scale(found)
        first, *others = found.shape
        if first in (3, 4) and 1 < others[0] == others[1] != first:
            shape = " × ".join(map(str, found.shape))
            yield f"{shape} is read as height × width × channels: if the channels come first, put them last"


def _warnings_of_scale(found: Card) -> Iterator[str]:
    """What looks odd about the values of images."""
    largest = {part: max(abs(lo), abs(hi)) for part, (lo, hi) in found.values.items()}
    if max(largest.values()) > SPREAD * min(largest.values()):
        sizes = ", ".join(f"{value:g} in {part}" for part, value in largest.items())
        yield f"the parts are scaled differently: values up to {sizes}"
    if max(largest.values()) < SMALLEST_VALUE:
        yield f"values of at most {max(largest.values()):g} are tiny: scale them to about -1 to 1"
    if max(largest.values()) > LARGEST_VALUE:
        lo, hi = found.ends
        yield (
            f"values from {lo:g} to {hi:g} are too large for the initial parameters: "
            "scale them to about -1 to 1"
        )


def _some(names: list[str]) -> str:
    """Up to so many names, and how many more there are."""
    more = f" and {len(names) - N_NAMED} more classes" if len(names) > N_NAMED else ""
    return f"class {', '.join(names[:N_NAMED])}{more}"

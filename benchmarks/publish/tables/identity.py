"""The certificates: how far each framework is from the reference in every arm."""

from collections.abc import Iterator

import pandas as pd

from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.publish import marks, wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table

HEADS = ("Idiomatic", "Fused")
COLUMNS = [
    Column("Workload", words=True),
    Column("Arm", words=True),
    Column("Framework", words=True),
    *(Column(head, "Largest difference") for head in HEADS),
    *(Column(head, "float32 parts at step") for head in HEADS),
    Column("Verdict", words=True),
]
LEFT_OUT = ["differences", "reference", "certified", "statistical", "first_difference", "float32_differences"]
"""What the CSV tells in its other columns, and the reference, which is always the same."""
KEY = ["dataset", "model", "arm", "framework"]


def tables(results: Results) -> list[Table]:
    """One table: a row per (dataset, model, arm, framework), the executions side by side."""
    certificates = results.certificates
    if certificates.empty:
        return []
    rows = certificates.groupby(KEY, sort=False)
    differences = pd.json_normalize(certificates["differences"].tolist())
    return [
        Table(
            name="identity",
            title="Certificates of identity",
            caption=_caption(results),
            columns=COLUMNS,
            rows=[_line(key, group.set_index("execution"), results.identity) for key, group in rows],
            data=pd.concat([certificates.drop(columns=LEFT_OUT), differences], axis=1),
        )
    ]


def _line(key: tuple, executions: pd.DataFrame, bounds: dict) -> list[Entry]:
    dataset, model, arm, framework = key
    largest = executions["largest_difference"].reindex(EXECUTIONS)
    texts = [wording.workload((dataset, model)), arm, wording.name(framework)]
    texts += [wording.difference(value) for value in largest]
    texts += [_step(executions, execution, bounds) for execution in EXECUTIONS]
    return [Entry(text) for text in (*texts, "; ".join(_verdicts(executions)))]


def _step(executions: pd.DataFrame, execution: str, bounds: dict) -> str:
    """The step at which float32 first parts from the reference in float64, or a note that it never does."""
    if execution not in executions.index:
        return wording.NOTHING
    step = executions.at[execution, "float32_parts_at_step"]
    return f"> {bounds['steps']}" if pd.isna(step) else wording.whole(step)


def _verdicts(executions: pd.DataFrame) -> Iterator[str]:
    """The verdict of both executions, or of each where they differ. The CSV names the quantity behind it."""
    texts = [_verdict(row) for row in executions.itertuples()]
    if len(set(texts)) == 1:
        yield texts[0]
    else:
        yield from (f"{name}: {text}" for name, text in zip(executions.index, texts, strict=True))


def _verdict(row: tuple) -> str:
    certain = row.verdict in (marks.CERTIFIED, marks.STATISTICAL)
    return row.verdict if certain else f"{marks.NOT_CERTIFIED}: {row.differs_by.split(' [')[0]}"


def _caption(results: Results) -> str:
    known = results.identity
    text = (
        "Against the reference, NumPy with gradients by hand, in float64: the largest relative difference of "
        f"everything compared, over {known['steps']} steps under a changing learning rate and in two runs of "
        "the study's own driver on all examples. Certified: all of it within "
        f"{wording.difference(known['bound'])}, and in float32 within {known['first_float32_bound']:g} up to "
        "the first step. float32 parts: the first step whose loss in float32 is more than "
        f"{known['float32_bound']:g} (relative) off the reference, reported and not judged."
    )
    if any(arm.get("mixed_precision") for arm in results.provenance["study"]["arms"]):
        text += (
            " In mixed precision float32 is held to the reference in float32, relative to what rounding to "
            "bfloat16 does."
        )
    if marks.STATISTICAL not in set(results.certificates["verdict"]):
        return text
    return (
        f"{text} Statistical: the framework draws random numbers of its own in this arm; the differences are "
        "those with the shared generator in its place."
    )

"""The report: one HTML file that holds all its figures, with the findings of the study at its head."""

import json
from pathlib import Path

import pandas as pd

from benchmarks.common.files import write_text
from benchmarks.common.quiet import OTHERS
from benchmarks.publish import choice, figures, headline, marks, tables, wording, writing
from benchmarks.publish import results as folders
from benchmarks.publish.drawing import panels, timings
from benchmarks.publish.results import Results
from benchmarks.summary import hardware

APART = ("study", "cards")
"""What the report shows in sections of its own."""
TEMPLATE = Path(__file__).with_name("report.html.jinja")


def write(folder: Path) -> Path:
    """Write `report.html` and `recommendations.json` into a results folder, print the findings.

    Returns the path of the report.
    """
    path, results = folder / "report.html", folders.read(folder)
    write_text(render(results, drawn=folder / "figures"), path)
    choices = [made.model_dump(mode="json") for made in choice.all_choices(results)]
    write_text(json.dumps(choices, indent=1) + "\n", folder / "recommendations.json")
    for workload, sentences in headline.findings(results).items():
        print("\n  ".join([workload, *sentences]))
    return path


def render(results: Results, *, drawn: Path) -> str:
    """The report as HTML, with the figures found in the folder `drawn`.

    Raises:
        Problem: a figure has not been drawn.
    """
    shown = figures.applicable(results)
    return writing.page(
        TEMPLATE,
        study=results.summary["study"].iloc[0],
        machine=results.summary["machine"].iloc[0],
        hardware=hardware.line(results.provenance),
        headline=headline.findings(results),
        disturbed=_disturbed(results.provenance),
        figures=[_figure(results, name, module, drawn) for name, module in shown.items()],
        not_drawn=[module.TITLE for name, module in figures.modules().items() if name not in shown],
        tables=tables.build(results),
        targets=_targets(results),
        statuses=_statuses(results),
        doubts=_doubts(results),
        identity=results.identity,
        step_kind=timings.STEP_KIND if results.several_step_kinds else "",
        n_cells=len(results.summary),
        cards=results.provenance.get("cards", []),
        provenance={key: value for key, value in results.provenance.items() if key not in APART},
        configuration=json.dumps(results.provenance.get("study"), indent=2),
        marks=[label for _, label in panels.FAILURE_MARKS.values()],
    )


def _disturbed(provenance: dict) -> str:
    """The percentage of the processor that other programs took during measurement, where it is too high."""
    share = provenance.get("others_cpu_share") or 0.0
    return wording.percent(share) if share > OTHERS else ""


def _figure(results: Results, name: str, module, drawn: Path) -> dict[str, str]:
    """The values of a figure that the template needs."""
    image = writing.embedded_image(drawn / f"{name}.svg")
    return {"name": name, "title": module.TITLE, "caption": module.caption(results), "image": image}


def _targets(results: Results) -> list[dict[str, str]]:
    return [
        {
            "workload": wording.workload((target["dataset"], target["model"])),
            "accuracy": wording.percent(target["validation_accuracy"]),
            "epochs": wording.number(target["epochs"]),
            "steps": wording.whole(target["steps"]),
            "seconds": wording.number(target["seconds"]),
            "source": target["source"],
        }
        for _, target in results.targets.iterrows()
    ]


def _statuses(results: Results) -> dict[str, dict[str, int]]:
    """The number of cells with each status, [status][framework]."""
    counts = pd.crosstab(results.summary["status"], results.summary["framework"])
    return {
        status: {wording.name(name): int(counts.at[status, name]) for name in results.frameworks}
        for status in counts.index
    }


def _doubts(results: Results) -> dict[str, int]:
    """The reasons why cells are not certified, each with its number of cells."""
    doubtful = results.summary.loc[results.summary["identity"] != marks.CERTIFIED, "identity"]
    return {
        str(reason): int(count) for reason, count in doubtful.fillna("not certified").value_counts().items()
    }

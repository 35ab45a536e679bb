"""The report: one HTML file that holds everything it shows and opens with no network."""

import json
from pathlib import Path

import pandas as pd

from benchmarks.common.files import write_text
from benchmarks.publish import failures, figures, headline, html, tables, timings, verdict, wording
from benchmarks.publish import results as folders
from benchmarks.publish.results import Results

TEMPLATE = Path(__file__).with_name("report.html.jinja")
QUIET = 0.05
"""Part of the machine that others may take before times are not to be relied on."""


def write(folder: Path) -> Path:
    """Write `report.html` from the results in a folder and the figures drawn from them; give its path."""
    path = folder / "report.html"
    write_text(render(folders.read(folder), drawn=folder / "figures"), path)
    return path


def render(results: Results, *, drawn: Path) -> str:
    """The report as HTML, with the figures found in the folder `drawn`.

    Raises:
        Problem: a figure has not been drawn.
    """
    shown = figures.applicable(results)
    return html.render(
        TEMPLATE,
        study=results.summary["study"].iloc[0],
        machine=results.summary["machine"].iloc[0],
        hardware=_hardware(results.provenance),
        headline=headline.findings(results),
        disturbed=_disturbed(results.provenance),
        figures=[_figure(results, name, module, drawn) for name, module in shown.items()],
        not_drawn=[module.TITLE for name, module in figures.modules().items() if name not in shown],
        tables=tables.build(results),
        goals=_goals(results),
        statuses=_statuses(results),
        doubts=_doubts(results),
        identity=results.identity,
        form=timings.FORM if results.several_forms else "",
        n_cells=len(results.summary),
        provenance={key: value for key, value in results.provenance.items() if key != "study"},
        configuration=json.dumps(results.provenance.get("study"), indent=2),
        marks=[label for _, label in failures.MARKS.values()],
    )


def _disturbed(provenance: dict) -> str:
    """The percentage of the machine that others took while it was measured, where it is too much."""
    share = provenance.get("others_cpu_share") or 0.0
    return wording.percent(share) if share > QUIET else ""


def _hardware(provenance: dict) -> str:
    """Processor, cores and GPUs in a line."""
    machine = provenance.get("machine", {})
    gpus = [gpu["name"] for gpu in machine.get("gpus", [])]
    cores = f"{machine['cores']} cores" if "cores" in machine else ""
    return ", ".join(filter(None, [machine.get("cpu"), cores, *gpus]))


def _figure(results: Results, name: str, module, drawn: Path) -> dict[str, str]:
    """A figure as the template wants it."""
    image = html.image(drawn / f"{name}.svg")
    return {"name": name, "title": module.TITLE, "caption": module.caption(results), "image": image}


def _goals(results: Results) -> list[dict[str, str]]:
    return [
        {
            "workload": wording.workload((goal["dataset"], goal["model"])),
            "accuracy": wording.percent(goal["validation_accuracy"]),
            "epochs": wording.number(goal["epochs"]),
            "seconds": wording.number(goal["seconds"]),
            "source": goal["source"],
        }
        for _, goal in results.goals.iterrows()
    ]


def _statuses(results: Results) -> dict[str, dict[str, int]]:
    """How many cells ended how, [status][framework]."""
    counts = pd.crosstab(results.summary["status"], results.summary["framework"])
    return {
        status: {wording.name(name): int(counts.at[status, name]) for name in results.frameworks}
        for status in counts.index
    }


def _doubts(results: Results) -> dict[str, int]:
    """Why cells are not certified, and how many; those that are statistical among them."""
    doubtful = results.summary.loc[results.summary["identity"] != verdict.CERTIFIED, "identity"]
    return {
        str(reason): int(count) for reason, count in doubtful.fillna("not certified").value_counts().items()
    }

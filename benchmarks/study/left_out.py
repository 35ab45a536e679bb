"""What results that are there have and a study of the same name leaves out."""

import json
from pathlib import Path

from benchmarks.common.errors import Problem
from benchmarks.study.study import Study


def left_out(study: Study, folder: Path) -> str:
    """What the results in a study's folder have beyond this study, in words; an empty text if nothing.

    Tables, figures and the report are about what the study names. Those of a wider study are replaced.
    """
    path = folder / "provenance.json"
    try:
        before = Study.model_validate(json.loads(path.read_text(encoding="utf-8"))["study"])
        there, here = _parts(before), _parts(study)
    except (OSError, ValueError, KeyError, TypeError, Problem):
        return ""  # there are none, they are of another version, or their data are gone
    lost = {
        name: [value for value in values if value not in here.get(name, values)]
        for name, values in there.items()
    }
    return "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in lost.items() if values)


def _parts(study: Study) -> dict[str, list]:
    """What spans the grid of a study."""
    workloads = {f"{workload.slug} × {workload.model}": workload.sizes for workload in study.workloads}
    return {
        "workloads": [*workloads],
        "frameworks": study.frameworks,
        "arms": [arm.name for arm in study.arms],
        "seeds": study.seeds,
        "analyses": study.analyses,
        **{f"batch sizes of {name}": sizes for name, sizes in workloads.items()},
    }

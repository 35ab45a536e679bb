"""Add the equivalence tests over the seeds of a study to its certificates, and write identity.json."""

import json
from pathlib import Path

from benchmarks import datasets
from benchmarks.analysis.equivalence import equivalences
from benchmarks.common.files import write_text
from benchmarks.study.study import Study, plans
from benchmarks.training import record
from benchmarks.training.record import record_path


def write(study: Study, certificates: Path, results: Path, output: Path) -> None:
    """Read certificates and records, test, and write both as JSON."""
    records = [record.read(record_path(results, plan)) for plan in plans(study)]
    n_test = {w.slug: datasets.split_sizes(w.dataset).test for w in study.workloads}
    tested = equivalences(records, study.frameworks, n_test=n_test)
    content = json.loads(certificates.read_bytes())
    content["equivalence"] = [row.model_dump() for row in tested]
    write_text(json.dumps(content, indent=1) + "\n", output)

"""Add the equivalence tests over the seeds of a study to its certificates, and write identity.json."""

import argparse
import json
from pathlib import Path

from benchmarks import datasets, record
from benchmarks.analysis.equivalence import equivalences
from benchmarks.errors import told_plainly
from benchmarks.study import Study, plans
from benchmarks.summarise import record_path


def main() -> None:
    """Read certificates and records, test, and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.equivalence", description=__doc__)
    parser.add_argument("--study", type=Study.model_validate_json, required=True, help="the study, as JSON")
    parser.add_argument("--certificates", type=Path, required=True, help="what benchmarks.certify wrote")
    parser.add_argument("--results", type=Path, required=True, help="results/STUDY/MACHINE")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    with told_plainly():
        records = [record.read(record_path(given.results, plan)) for plan in plans(given.study)]
        n_test = {w.slug: datasets.split_sizes(w.dataset).test for w in given.study.workloads}
        tested = equivalences(records, given.study.frameworks, n_test=n_test)
        content = json.loads(given.certificates.read_bytes())
        content["equivalence"] = [row.model_dump() for row in tested]
        record.write_text(json.dumps(content, indent=1) + "\n", given.output)


if __name__ == "__main__":
    main()

"""Write the report of a study: `python -m benchmarks.report --results results/default/my-machine`."""

import argparse
from pathlib import Path

from benchmarks.errors import told_plainly
from benchmarks.publish import report, results
from benchmarks.record import write_text


def main() -> None:
    """Read the command line and write `report.html` into the results folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder results/<study>/<machine>")
    arguments = parser.parse_args()
    with told_plainly():
        print(write(arguments.results))


def write(folder: Path) -> Path:
    """Write the report from the results and the figures drawn from them; give its path."""
    path = folder / "report.html"
    write_text(report.render(results.read(folder), drawn=folder / "figures"), path)
    return path


if __name__ == "__main__":
    main()

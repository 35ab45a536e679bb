"""Draw the figures of a study: `python -m benchmarks.figures --results results/default/my-machine`."""

import argparse
from pathlib import Path

from benchmarks.errors import told_plainly
from benchmarks.publish import figures, files, results


def main() -> None:
    """Read the command line and write `figures/*.svg, *.pdf, *.png` below the results folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder results/<study>/<machine>")
    arguments = parser.parse_args()
    with told_plainly():
        names = write(arguments.results)
        print(f"{', '.join(names)} in {arguments.results / 'figures'}")


def write(folder: Path) -> list[str]:
    """Draw and write every figure that the results can fill; give their names."""
    known = results.read(folder)
    drawn = figures.applicable(known)
    for name, module in drawn.items():
        files.write_figure(module.draw(known), folder / "figures", name=name)
    return list(drawn)


if __name__ == "__main__":
    main()

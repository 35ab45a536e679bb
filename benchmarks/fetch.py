"""Obtain a dataset, verify it and store it: `python -m benchmarks.fetch mnist --output mnist.npz`."""

import argparse
from pathlib import Path

from benchmarks import datasets
from benchmarks.errors import told_plainly


def main() -> None:
    """Read the command line and store one dataset."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fetch", description=__doc__)
    own = ", ".join(f"{kind}:PATH" for kind in datasets.SOURCES)
    parser.add_argument("dataset", help=f"one of {', '.join(datasets.NAMES)}, or your own: {own}")
    parser.add_argument("--output", type=Path, required=True, help="the .npz file to write")
    arguments = parser.parse_args()
    with told_plainly():
        datasets.store(arguments.dataset, arguments.output)
        train, validation, test = datasets.split_sizes(arguments.dataset)
        print(f"{arguments.dataset}: {train} train, {validation} validation, {test} test examples verified")


if __name__ == "__main__":
    main()

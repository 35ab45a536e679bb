"""The commands of Batch Atlas: `python -m benchmarks COMMAND …` is `python -m benchmarks.COMMAND …`."""

import argparse
import ast
import runpy
import sys
from pathlib import Path

COMMANDS = (
    *("identity", "fetch", "devices", "trace", "certify", "throughput", "train", "equivalence", "summarise"),
    *("tables", "figures", "report", "deposit", "compare"),
)


def purpose(command: str) -> str:
    """First line of the command's docstring."""
    folder = Path(__file__).parent
    module, package = folder / f"{command}.py", folder / command / "__main__.py"
    source = (module if module.exists() else package).read_text()
    return ast.get_docstring(ast.parse(source)).splitlines()[0]


def main() -> None:
    """Hand over to the command that is named."""
    listed = "\n".join(f"  {command:<11} {purpose(command)}" for command in COMMANDS)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="The steps of a study, for a person; `snakemake --cores all` runs them all in order.",
        epilog=f"commands:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="…", help="COMMAND --help lists them")
    given = parser.parse_args()
    sys.argv[1:] = given.arguments
    runpy.run_module(f"benchmarks.{given.command}", run_name="__main__")


if __name__ == "__main__":
    main()

"""The README and docs/: their numbers are those published, their links lead somewhere, their code is true."""

import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import planted
import pytest
import typer
import yaml
from snakemake.cli import get_argument_parser

from benchmarks.__main__ import app
from benchmarks.publish import docs, quoted, results
from benchmarks.publish.answer import draw
from benchmarks.study import check

ROOT = Path(__file__).parent.parent
PAGES = [*docs.pages(ROOT), ROOT / "config/README.md", ROOT / "results/README.md", ROOT / "CHANGELOG.md"]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
WORDS = 700
FIRST_LINES = 25


@pytest.fixture(scope="module")
def texts():
    return docs.quotations(ROOT)


@pytest.mark.parametrize("page", docs.pages(ROOT), ids=lambda page: page.name)
def test_the_numbers_of_a_page_are_the_published_ones(page, texts):
    assert docs.written(page.read_text(), texts) == page.read_text(), "run: python -m benchmarks docs"


def test_every_text_that_can_be_quoted_is_quoted(texts):
    quotes = {name for page in docs.pages(ROOT) for _, name, *_ in docs.QUOTED.findall(page.read_text())}
    assert quotes == set(texts)


def test_a_marker_without_its_end_would_be_seen():
    for page in docs.pages(ROOT):
        text = page.read_text()
        assert text.count("<!-- numbers:") == text.count("<!-- end -->") == len(docs.QUOTED.findall(text))


MEASURED = re.compile(r"\d[\d,.]*(?: to [\d,.]+)? (?:examples/s|MiB|s\b|ms\b|%|times\b)")


@pytest.mark.parametrize("name", ["README.md", "docs/results.md"])
def test_no_measured_number_is_typed_by_hand(name):
    text = FENCED.sub("", docs.QUOTED.sub("", (ROOT / name).read_text()))
    assert set(MEASURED.findall(text)) <= {"97 %", "95 %"}, "the target and the level are settings"


def test_the_readme_is_short_and_begins_with_what_to_do():
    text = (ROOT / "README.md").read_text()
    assert len(re.sub(r"^!\[.*$", "", COMMENT.sub("", text), flags=re.MULTILINE).split()) <= WORDS
    assert "```bash" in text.splitlines()[:FIRST_LINES]


@pytest.mark.parametrize(("answer", "chosen"), [("exit 0", "cuda"), ("exit 1", "cpu"), (None, "cpu")])
def test_the_first_command_chooses_the_requirements_of_the_machine(tmp_path, answer, chosen):
    """Run as printed, with stand-ins for python3, pip and snakemake that print what they are given."""
    for name in ("pip", "snakemake", "python3"):
        script = (
            f'#!/bin/sh\n[ "$1" = -m ] && mkdir -p .venv/bin && : > .venv/bin/activate\necho {name} "$@"\n'
        )
        (tmp_path / name).write_text(script)
    if answer:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{answer}\n")
    for script in tmp_path.iterdir():
        script.chmod(0o755)
    first = FENCED.findall((ROOT / "README.md").read_text())[0][1]
    done = subprocess.run(
        ["bash", "-c", first],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/bin:/usr/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"pip install -r requirements/{chosen}.txt" in done.stdout
    assert done.stdout.endswith("snakemake --cores all\n")


def test_the_readmes_figure_shows_every_failure_and_overlaps_no_labels():
    known = results.read(ROOT / docs.PUBLISHED)
    figure = draw(known, workload=quoted.WORKLOAD, arm=quoted.ARM)
    figure.draw_without_rendering()
    speed, time = figure.axes
    cells = quoted.cells(known)
    marked = sum(len(line.get_xdata()) for strip in time.child_axes for line in strip.lines)
    assert marked == (cells["status"] != "reached").sum()
    boxes = [label.get_window_extent() for ax in (speed, time) for label in ax.get_xticklabels()]
    boxes += [ax.yaxis.label.get_window_extent() for ax in (speed, time)]
    boxes += [text.get_window_extent() for text in figure.legends[0].get_texts()]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name):
    page = ROOT / name
    for link in re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", FENCED.sub("", page.read_text())):
        path, _, anchor = link.partition("#")
        to = page.parent / path if path else page
        assert to.exists(), link
        assert not anchor or anchor in anchors(to), link


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_a_page_names_is_there(name):
    """But for those that adding.md tells how to write."""
    text = (ROOT / name).read_text()
    new = {"mlp3.py", "parity.py", "NAME.py", "train_accuracy.py", "epochs.py"}
    for path, function in re.findall(r"`((?:benchmarks|tests|workflows|config)/[\w/.]+)(?:::(\w+))?`", text):
        if Path(path).name not in new:
            assert (ROOT / path).exists(), path
            assert not function or re.search(
                rf"^\s*(?:def|class) {function}\b", (ROOT / path).read_text(), re.MULTILINE
            ), f"{path} has no {function}"


def blocks(*languages):
    return [
        pytest.param(text, id=f"{name}-{number}")
        for name in NAMES
        for number, (language, text) in enumerate(FENCED.findall((ROOT / name).read_text()))
        if language in languages
    ]


@pytest.mark.parametrize("text", blocks("yaml"))
def test_every_yaml_block_is_a_study_or_a_part_of_one(text, monkeypatch):
    """A part takes the rest from the default study. Photos and a model of the reader's own have stand-ins."""
    study = yaml.safe_load(text)
    if "study" not in study:
        study = yaml.safe_load((ROOT / "config/config.yaml").read_text()) | study
    for workload in study["workloads"]:
        if workload["dataset"].startswith("images:"):
            workload["dataset"] = "cifar10"
        if workload["model"] == "mlp3":
            workload["model"] = "mlp"
    check.read(study)


def commands():
    return [
        pytest.param(shlex.split(line, comments=True), id=line.strip()[:70])
        for block in blocks("bash")
        for line in block.values[0].splitlines()
        if re.match(r"(python -m benchmarks|snakemake)\b", line)
    ]


RULES = re.findall(
    r"^rule (\w+):", "\n".join(p.read_text() for p in ROOT.glob("workflows/rules/*.smk")), re.M
)


@pytest.mark.parametrize("words", commands())
def test_every_command_exists_with_its_options(words):
    if words[0] == "snakemake":
        asked = get_argument_parser().parse_args(words[1:])
        assert set(asked.targets) <= set(RULES)
        for path in asked.configfile or []:
            assert (ROOT / path).exists() or str(path) in ("photos.yaml", "three.yaml")
        return
    command = typer.main.get_command(app).get_command(click.Context(click.Command("benchmarks")), words[3])
    assert command is not None, words[3]
    command.make_context(words[3], words[4:])


def test_the_python_blocks_of_adding_md_can_be_read_as_code():
    for language, text in FENCED.findall((ROOT / "docs/adding.md").read_text()):
        if language == "python":
            compile(text, "adding.md", "exec")


def test_the_line_that_reads_the_clock_is_the_one_that_the_architecture_quotes():
    (line,) = re.findall(r"`(benchmark\.pedantic\([\w.]+)", (ROOT / "docs/architecture.md").read_text())
    assert line in (ROOT / "benchmarks/throughput/measure.py").read_text()


def test_the_arrows_between_packages_are_as_many_as_the_architecture_says(capsys):
    text = (ROOT / "docs/architecture.md").read_text()
    (count,) = [block for language, block in FENCED.findall(text) if language == "python"]
    exec(compile(count, "architecture.md", "exec"), {})
    assert f"| 122 | {capsys.readouterr().out.strip()} |" in text


def test_the_table_of_planted_differences_has_each_with_its_place():
    text = (ROOT / "docs/identity.md").read_text()
    for name, plant in planted.PLANTS.items():
        assert f"| {name.replace('_', ' ')} | {plant.place}" in text


def test_the_site_is_built_without_a_warning(tmp_path):
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--site-dir",
        tmp_path / "site",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site/index.html").exists()
    assert 'class="mermaid"' in (tmp_path / "site/architecture/index.html").read_text()

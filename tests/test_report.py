"""The report is one file that needs nothing else and holds everything."""

import base64
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import synthetic
import synthetic_grid
import synthetic_identity

from benchmarks.common.errors import Problem
from benchmarks.publish import figures, headline, report, results, tables, wording
from benchmarks.publish.tables import throughput as throughput_table
from benchmarks.summary.schema.names import CASE

VOID = {"meta", "img", "br", "link", "input", "hr"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, drawn):
    return shutil.copytree(drawn, tmp_path_factory.mktemp("report") / "results")


@pytest.fixture(scope="module")
def html(folder):
    return report.write(folder).read_text()


class Reader(HTMLParser):
    """Collects ids and whatever a browser would load; insists that tags close."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.loads = [], [], []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.loads += [attributes[key] for key in ("src", "href", "srcset", "data") if key in attributes]
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def read(html):
    reader = Reader()
    reader.feed(html)
    assert not reader.open
    return reader


def test_it_loads_nothing(html, read):
    assert read.loads
    assert all(load.startswith(("data:image/svg+xml;base64,", "#")) for load in read.loads)
    assert not re.search(r"url\(|@import|<script|<link|<iframe", html)


def test_ids_are_unique_and_links_lead_to_one(read):
    assert len(read.ids) == len(set(read.ids))
    assert {load[1:] for load in read.loads if load.startswith("#")} <= set(read.ids)


def test_it_holds_every_figure_as_drawn(folder, read):
    images = [load.split(",", 1)[1] for load in read.loads if load.startswith("data:")]
    drawn = {path.read_bytes() for path in (folder / "figures").glob("*.svg")}
    assert {base64.b64decode(image) for image in images} == drawn
    assert {f"figure-{name}" for name in figures.applicable(results.read(folder))} <= set(read.ids)


def test_it_holds_every_table_whole(folder, html, read):
    built = tables.build(results.read(folder))
    assert {f"table-{table.name}" for table in built} <= set(read.ids)
    ratio = next(row[3].text for table in built if table.name.startswith("main") for row in table.rows)
    assert f">{ratio}</td>" in html
    assert html.count("<td") > sum(len(row) for table in built for row in table.rows)


def test_it_tells_targets_provenance_and_what_is_not_certified(html):
    assert "chosen for the test &amp; nothing else &lt; see &gt; there" in html
    assert "0123456789abcdef" in html
    assert f"4 of 72 cells: not certified: {synthetic_identity.HALVED}" in html


@pytest.mark.parametrize(("share", "warned"), [(0.04, False), (0.56, True), (None, False)])
def test_a_disturbed_measurement_says_so_at_the_head(folder, tmp_path, share, warned):
    copy = shutil.copytree(folder, tmp_path / "copy")
    content = json.loads((copy / "provenance.json").read_text())
    (copy / "provenance.json").write_text(json.dumps({**content, "others_cpu_share": share}))
    head = report.write(copy).read_text().split('class="headline"')[0]
    assert ("Other work took 56" in head) == warned == ("measure again" in head)


def test_the_headline_tells_what_is_not_told_apart(folder):
    found = " ".join(headline.findings(results.read(folder))["MNIST, MLP"])
    summary = results.read(folder).summary
    own = summary[(summary["dataset"] == "mnist") & (summary["framework"] == "keras")]
    best = own.loc[own["throughput_samples_per_s"].idxmax()]
    near = own[own["throughput_samples_per_s_hi"] >= best["throughput_samples_per_s_lo"]]["batch_size"]
    sizes = sorted(set(near) - {best["batch_size"]})
    told = f" (not told apart from B = {', '.join(f'{size:,}' for size in sizes)})." if sizes else "."
    assert re.search(rf"Keras trains fastest at B = {best['batch_size']:,}: \S+ \[[^]]+\] examples/s", found)
    assert re.search(rf"Keras trains fastest [^.]*?{re.escape(told)}", found)
    assert re.search(r"best test accuracy is .*; (Keras|PyTorch), \S+, B = [\d,]+\)", found)


@pytest.mark.parametrize(
    ("n_disturbed", "told"),
    [
        (0, None),
        (1, "¶ 1 of 3 cells is left out of speeds and times"),
        (3, "¶ 3 of 3 cells are left out of speeds and times"),
    ],
)
def test_the_headline_leaves_disturbed_cells_out(folder, n_disturbed, told):
    known = results.read(folder)
    summary = known.summary
    cells = summary[(summary["dataset"] == "mnist") & (summary["framework"] == "keras")].iloc[:3]
    marked = cells.assign(disturbed=["busy"] * n_disturbed + [""] * (3 - n_disturbed))
    found = headline.findings(replace(known, summary=marked))["MNIST, MLP"]
    assert any("Keras trains fastest" in sentence for sentence in found) == (n_disturbed < 3)
    said = [sentence for sentence in found if sentence.startswith("¶")]
    assert [sentence[: len(told)] for sentence in said] == ([told] if told else [])


TARGETED = re.compile("target .*at no batch size within its budget")


@pytest.mark.parametrize("time", [headline._time, headline._times])
def test_a_target_that_is_reached_nowhere_is_told_and_one_that_was_not_tried_is_not(folder, time):
    cells = results.read(folder).summary.assign(time_to_target_s=np.nan)
    assert all(TARGETED.search(sentence) for sentence in time(cells)) and [*time(cells)]
    untrained = cells.assign(status="untrained")
    assert [*time(untrained)] == []


@pytest.mark.parametrize("time", [headline._time, headline._times])
@pytest.mark.parametrize("left", ["smaller ones", "one", "none"])
def test_a_target_that_a_disturbed_cell_reaches_is_reached(folder, time, left):
    """What was disturbed says nothing of time, but all of whether and at which sizes a target is reached."""
    summary = results.read(folder).summary
    cells = summary[(summary["dataset"] == "mnist") & (summary["framework"] == "keras")]
    largest = cells["batch_size"].max()
    quiet = {
        "smaller ones": cells["batch_size"] < largest,
        "one": cells.index == cells.index[0],
        "none": np.zeros(len(cells), bool),
    }[left]
    marked = np.where(quiet, "", "busy")
    (sentence,) = time(cells.assign(status="reached", time_to_target_s=1.0, disturbed=marked))
    assert f"he largest batch size that reaches it is {largest:,}." in sentence
    if left == "smaller ones":
        assert f"soonest, of the {quiet.sum()} of {len(cells)} cells that were undisturbed," in sentence
    else:
        assert "disturbed at too many cells" in sentence


def test_a_framework_of_which_all_was_disturbed_is_not_passed_over(folder):
    known = results.read(folder)
    of_keras = known.summary["framework"] == "keras"
    marked = replace(known, summary=known.summary.assign(disturbed=np.where(of_keras, "busy", "")))
    told = " ".join(headline.findings(marked)["MNIST, MLP"])
    assert "Keras: the machine was disturbed at too many cells to say which batch size is fastest." in told
    assert "PyTorch trains fastest at" in told


@pytest.mark.parametrize(("times", "told"), [(100.0, True), (0.3, True), (1.5, False)])
def test_speeds_that_contradict_each_other_are_told_first(folder, times, told):
    known = results.read(folder)
    cells = known.summary[(known.summary["dataset"] == "mnist") & (known.summary["framework"] == "keras")]
    changed = cells.assign(training_over_throughput=times)
    first, *_ = headline.findings(replace(known, summary=changed))["MNIST, MLP"]
    said = first.startswith(f"Keras: the trainings were {wording.number(times)} times as fast as the timings")
    assert said == told


@pytest.mark.parametrize(
    ("intervals", "told"),
    [
        ([(1.5, 3.0), (0.9, 1.1), (2.0, 4.0)], " s; the largest"),
        ([(1.05, 3.0), (0.9, 1.1), (2.0, 4.0)], " s (not told apart from B = 16 a); the largest"),
        ([(1.05, 3.0), (0.9, 1.1), (0.8, np.inf)], " s (not told apart from B = 16 a, 64 c); the largest"),
        ([(1.5, 3.0), (np.nan, np.nan), (2.0, 4.0)], " s (not told apart from B = 16 a, 64 c); the largest"),
    ],
)
def test_the_headline_tells_which_times_are_not_told_apart(folder, intervals, told):
    known = results.read(folder)
    summary = known.summary
    cells = summary[(summary["dataset"] == "mnist") & (summary["framework"] == "keras")].iloc[:3]
    times = {
        "time_to_target_s": [2.0, 1.0, 3.0],
        "batch_size": [16, 64, 64],
        "arm": list("abc"),
        "start_s": np.nan,
    }
    times |= {
        f"time_to_target_s_{end}": [pair[i] for pair in intervals] for i, end in enumerate(("lo", "hi"))
    }
    alone = replace(known, summary=cells.assign(disturbed="", **times))
    (sentence,) = [each for each in headline.findings(alone)["MNIST, MLP"] if "soonest at B = 64" in each]
    assert told in sentence


@pytest.mark.parametrize(
    ("slower", "said"),
    [
        ([1.0, 2.0, 4.0], "examples/s, 3.00 times its speed at B = 16."),
        ([1.0, 2.0, 30.0], "examples/s (not told apart from B = 16)."),
    ],
)
def test_a_speed_is_no_multiple_of_one_that_it_is_not_told_apart_from(folder, slower, said):
    """Each process times both sizes: it is their ratios that count, however the processes differ."""
    known = results.read(folder)
    summary, timings = known.summary, known.throughput
    cells = summary[(summary["dataset"] == "mnist") & (summary["framework"] == "keras")].iloc[:2]
    speeds = {"throughput_samples_per_s": [1.0, 3.0], "throughput_samples_per_s_lo": [0.1, 0.3]}
    speeds |= {"throughput_samples_per_s_hi": [9.0, 9.0], "batch_size": [16, 64]}
    first = timings[timings["status"] == "measured"].iloc[[0] * 6]
    names = {name: cells.iloc[0][name] for name in ("dataset", "model", "framework", "step_kind")}
    of_both = {"batch_size": [16, 16, 16, 64, 64, 64], "process": [0, 1, 2] * 2, "execution": "fused"}
    seen = first.assign(**names, **of_both, samples_per_s=[*slower, 3.1, 5.9, 12.2])
    alone = replace(known, summary=cells.assign(disturbed="", **speeds), throughput=seen)
    (sentence,) = [each for each in headline.findings(alone)["MNIST, MLP"] if "trains fastest" in each]
    assert sentence.endswith(said)


def test_a_single_quiet_cell_is_not_called_the_fastest(folder):
    known = results.read(folder)
    own = (known.summary["dataset"] == "mnist") & (known.summary["framework"] == "keras")
    quiet = known.summary["batch_size"] == 16
    rough = known.summary["disturbed"].mask(own & ~quiet, "others took 9 %")
    alone = replace(known, summary=known.summary[own].assign(disturbed=rough[own]))
    (sentence,) = [each for each in headline.findings(alone)["MNIST, MLP"] if "fastest" in each]
    assert (
        sentence == "Keras: the machine was disturbed at too many cells to say which batch size is fastest."
    )


def test_in_training_is_the_mean_over_arms(folder):
    known = results.read(folder)
    case = known.summary[CASE].iloc[0]
    of_case = (known.summary[CASE] == case).all(axis=1)
    rates = np.linspace(1.0, 4.0, of_case.sum())
    summary = known.summary.copy()
    summary.loc[of_case, "training_samples_per_s"] = rates
    (table,) = throughput_table.tables(replace(known, summary=summary))
    shown = table.data.loc[(table.data[CASE] == case).all(axis=1), "training_samples_per_s"]
    assert len(rates) > 1 and shown.item() == pytest.approx(np.exp(np.log(rates).mean()))


def test_the_headline_comes_from_the_summary(folder, html):
    summary = results.read(folder).summary
    best = summary.loc[summary[summary["dataset"] == "mnist"]["throughput_samples_per_s"].idxmax()]
    assert f"{best['batch_size']:,}" in html.split('class="headline"')[1].split("</section>")[0]


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """The page of five frameworks and three step kinds, from figures that are not worth drawing here."""
    folder = synthetic.write(tmp_path_factory.mktemp("rich"), grid=synthetic_grid.RICH)
    (folder / "figures").mkdir()
    for name in figures.modules():
        (folder / "figures" / f"{name}.svg").write_text(name)
    return report.write(folder).read_text()


def test_the_headline_of_many_frameworks_is_one_sentence_each_on_speed_and_time(rich, html):
    headline = rich.split('class="headline"')[1].split("</section>")[0]
    assert headline.count("<li>") == 2 * 3
    fastest = re.search(r"Most examples/s: (\S+) [\d,]+ at B = [\d,]+ \(momentum\); ", headline)
    assert fastest[1] == "Keras"
    assert all(name in headline for name in ("Keras/JAX", "Keras/PyTorch", "PyTorch", "NumPy"))
    assert "(momentum)" not in html.split('class="headline"')[1].split("</section>")[0]


def test_it_tells_what_a_form_and_a_statistical_cell_are_where_there_are_any(rich, html):
    for word in ("<dt>Step kind</dt>", "in distribution alone"):
        assert word in rich
        assert word not in html
    assert "90 of 360 cells: statistical" in rich


def test_it_leads_to_certificates_and_equivalence(rich):
    for name in ("identity", "equivalence"):
        assert f'<a href="#table-{name}">' in rich
        assert f'id="table-{name}"' in rich
    assert "no quantity is further than 1e-10" in rich


def test_a_study_without_training_says_what_is_not_drawn(tmp_path):
    folder = synthetic.write(tmp_path, trained=False)
    figures.write(folder)
    html = report.write(folder).read_text()
    assert "Not drawn, since this study holds no measurements of it: Peak memory, Epochs to target" in html
    assert "figure-learning-curves" not in html


def test_figures_must_be_drawn_first(tmp_path):
    with pytest.raises(Problem, match=r"throughput\.svg does not exist"):
        report.write(synthetic.write(tmp_path))


def test_the_same_data_gives_the_same_bytes(folder, html):
    assert report.write(folder).read_text() == html

"""Claims about speed, memory and learning rates, judged by known numbers; and the tables of all claims."""

import dataclasses
import math
import re
from pathlib import Path

import claimed
import pytest
import searched
import synthetic
from claimed import judged, runs, saturating, throughput, told

from benchmarks.publish import claims, figures, results, tables
from benchmarks.publish.claims.claim import Claim

empty = pytest.fixture(claimed.without_measurements, scope="module")


def test_the_time_of_an_epoch_and_its_knee(empty):
    known = dataclasses.replace(empty, throughput=throughput(saturating))
    found = judged(known, "time-per-epoch")
    assert found.effect.value == pytest.approx(saturating(4096) / saturating(8), rel=0.02)
    assert told(found) == "holds"
    # 1 / 1.1 of the speed at 4,096 is that at about 1,300.
    assert found.remark == "B = 8 over 4096; within a tenth of the fastest from B = 4096"
    flat = dataclasses.replace(empty, throughput=throughput(lambda size: 1e5))
    assert told(judged(flat, "time-per-epoch")) == "fails"


def test_every_study_that_a_claim_needs_is_there():
    named = [
        file for claim in claims.claims().values() for file in re.findall(r"config/\S+\.yaml", claim.needs)
    ]
    assert len(named) > 5
    assert all(Path(file).exists() for file in named)


def test_one_slower_batch_size_refutes_that_bigger_is_always_faster(empty):
    assert (
        told(judged(dataclasses.replace(empty, throughput=throughput(saturating)), "bigger-is-faster"))
        == "holds"
    )
    slower = throughput(lambda size: saturating(size) / (4 if size == 256 else 1))
    found = judged(dataclasses.replace(empty, throughput=slower), "bigger-is-faster")
    assert told(found) == "fails"
    assert found.effect.value == pytest.approx(4 * saturating(64) / saturating(256), rel=0.02)
    assert found.remark == "B = 256 over 64"


def test_timings_that_were_disturbed_are_no_evidence_and_their_place_stays(empty):
    rows = throughput(saturating)
    rows.loc[rows["process"] > 1, "disturbed"] = "other work"
    for frame, n in ((rows, 2), (rows.assign(disturbed="other work"), 0)):
        found = judged(dataclasses.replace(empty, throughput=frame), "time-per-epoch")
        assert not found.tested
        assert found.remark == f"B = 8 over 4096; {n} of the 5 values that a test needs"


def test_cells_that_are_not_certified_are_no_evidence(empty):
    summary = empty.summary.assign(identity="not certified: loss")
    known = dataclasses.replace(empty, throughput=throughput(saturating), summary=summary)
    found = judged(known, "time-per-epoch")
    assert (found.tested, found.remark) == (False, "a cell is not certified")


def test_the_share_of_the_input(empty):
    rows = throughput(saturating, execution="idiomatic", share=lambda size: 0.5 / (1 + size / 500))
    found = judged(dataclasses.replace(empty, throughput=rows), "data-loading")
    assert found.effect.value == pytest.approx(100 * (0.5 / (1 + 8 / 500) - 0.5 / (1 + 4096 / 500)), abs=2)
    assert told(found) == "holds"


@pytest.mark.parametrize(("gain", "expected"), [(1.2, "holds"), (1.0, "fails")])
def test_powers_of_two(empty, gain, expected):
    sizes = [31, 32, 33, 127, 128, 129, 200, 201, 202]
    speed = lambda size: 1e4 * (gain if size in (32, 128) else 1)  # noqa: E731
    known = dataclasses.replace(empty, throughput=throughput(speed, processes=10, sizes=sizes))
    found = judged(known, "powers-of-two")
    assert found.effect.value == pytest.approx(gain, rel=0.02)
    assert told(found) == expected


@pytest.mark.parametrize(("gain", "expected"), [(1.2, "holds"), (1.0, "fails")])
def test_multiples_of_eight_that_are_no_powers_of_two_count_too(empty, gain, expected):
    sizes = [63, 64, 65, 95, 96, 97, 199, 200, 201, 202, 203]
    speed = lambda size: 1e4 * (gain if size in (64, 96, 200) else 2 if size == 202 else 1)  # noqa: E731
    known = dataclasses.replace(empty, throughput=throughput(speed, processes=10, sizes=sizes))
    found = judged(known, "multiples-of-eight")
    assert found.effect.value == pytest.approx(gain, rel=0.02)
    assert (told(found), found.remark) == (expected, "B = 64, 96, 200")


@pytest.mark.parametrize(
    ("peak", "linear", "proportional"),
    [
        (lambda size: 150 + 0.5 * size, "holds", "fails"),
        (lambda size: 0.5 * size, "holds", "holds"),
        (lambda size: 100 * math.sqrt(size), "fails", "fails"),
    ],
)
def test_memory(empty, peak, linear, proportional):
    exact = runs(peak_memory_mib=lambda size: 1.0).assign(
        peak_memory_mib=lambda rows: rows["batch_size"].map(peak)
    )
    known = dataclasses.replace(empty, runs=exact)
    assert told(judged(known, "memory-linear")) == linear
    assert told(judged(known, "memory-proportional")) == proportional


def test_the_line_of_memory_is_the_one_that_the_peaks_lie_on(empty):
    exact = runs().assign(peak_memory_mib=lambda rows: 150 + 0.5 * rows["batch_size"])
    found = judged(dataclasses.replace(empty, runs=exact), "memory-proportional")
    assert found.effect.value == pytest.approx(100 * 150 / (150 + 0.5 * 8))


@pytest.mark.parametrize(("value", "linear", "root"), [(1.0, "holds", "fails"), (0.5, "fails", "holds")])
def test_rules_for_the_rate(empty, value, linear, root):
    half = 0.1
    ends = {"rate_slope": value, "rate_slope_lo": value - half, "rate_slope_hi": value + half, "n_rates": 5}
    summary = empty.summary.assign(arm="tuned")
    known = dataclasses.replace(empty, critical_batch=empty.critical_batch.assign(**ends), summary=summary)
    found = judged(known, "linear-rule")
    assert found.effect == pytest.approx((value, value - half, value + half))
    assert (told(found), told(judged(known, "square-root-rule"))) == (linear, root)
    at_edge = dataclasses.replace(known, rates=known.rates.assign(at_edge=True))
    assert not judged(at_edge, "linear-rule").tested


def test_peaks_of_nothing_say_nothing(empty):
    known = dataclasses.replace(empty, runs=runs().assign(peak_memory_mib=0.0))
    assert not judged(known, "memory-proportional").tested


def test_every_claim_that_is_judged_names_a_figure_that_exists():
    names = {claim.figure for claim in claims.claims().values() if claim.judge}
    assert names <= {*figures.modules()}


def test_a_judge_without_a_criterion_is_refused():
    with pytest.raises(ValueError, match="a judge needs above or below, fewest, effect and figure"):
        Claim(name="a", sentence="b", supported_if="c", needs="d", judge="speed.time_per_epoch")


def test_the_tables_hold_every_claim_and_lead_to_the_figures(tmp_path):
    known = results.read(searched.add(synthetic.write(tmp_path)))
    built = {table.name: table for table in tables.build(known)}
    assert [row[0].text for row in built["claims"].rows] == [c.sentence for c in claims.claims().values()]
    links = {row[3].link for row in built["claims"].rows} - {""}
    assert links <= {f"figure-{name}" for name in figures.applicable(known)}
    evidence_rows = built["claims-evidence"].data
    assert {"time-per-epoch", "small-fewer-epochs"} <= {*evidence_rows["claim"]}
    told_of = dict(zip(built["claims"].data["claim"], built["claims"].data["verdict"], strict=True))
    assert told_of["sharp-minima"] == "not measured"


def test_what_is_not_measured_says_how_much_of_what_it_takes_is_here(tmp_path):
    known = results.read(searched.add(synthetic.write(tmp_path)))
    runs = known.runs[known.runs["seed"] == known.runs["seed"].min()]
    built = {table.name: table for table in tables.build(dataclasses.replace(known, runs=runs))}
    told = {row[0].text: row[1].text for row in built["claims"].rows}
    assert told["Small batches converge in fewer epochs."].endswith("from five seeds (here: 1)")
    assert told["Large batches find sharp minima."].endswith("config/studies/sharp-minima.yaml")


def test_what_cannot_be_judged_says_why(tmp_path):
    known = results.read(searched.add(synthetic.write(tmp_path)))
    built = {table.name: table for table in tables.build(known)}
    told = {row[0].text: row[1].text for row in built["claims"].rows}
    cause = "from five seeds (here: a batch size that is compared never reached the target)"
    assert told["Small batches generalise better."].endswith(cause)


def test_the_same_results_give_the_same_verdicts(tmp_path):
    known = results.read(searched.add(synthetic.write(tmp_path)))
    assert repr(claims.judge(known)) == repr(claims.judge(known))

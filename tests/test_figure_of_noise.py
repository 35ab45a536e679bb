"""The figure of the noise scale: the median over seeds, the start at the left edge, the law beside it."""

from dataclasses import replace

import numpy as np
import pytest
import searched
import synthetic

from benchmarks.publish import figures, results, tables, wording, writing
from benchmarks.summary import columns, schema

SEEDS, EPOCHS = (0, 1, 2), (0.0, 0.1, 0.2, 0.4, 0.8, 2.0)


def scale(size, epochs, seed):
    """Made up: it grows along the training, and does not depend much on the batch size."""
    return (20 + 400 * epochs) * (1 + 0.1 * seed) * size**0.05


def checkpoints(known):
    cells = known.trained[["dataset", "model", "arm", "batch_size"]].drop_duplicates()
    rows = [
        {**cell, "seed": seed, "steps": step, "examples": step, "epochs": epochs, "roles": role}
        | {"status": "measured", "squared_gradient": 1.0, "gradient_variance": 1.0}
        | {"noise_scale": scale(cell["batch_size"], epochs, seed)}
        for cell in cells.to_dict("records")
        for seed in SEEDS
        for step, (epochs, role) in enumerate(
            zip(EPOCHS, ["start", "path", "path target", "path", "path", "end"], strict=True)
        )
    ]
    best = [row | {"epochs": 0.3 + 0.1 * row["seed"], "roles": "best", "steps": 99} for row in rows[::6]]
    return columns.frame([*rows, *best], schema.CHECKPOINTS)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    made = results.read(searched.add(synthetic.write(tmp_path_factory.mktemp("noise"))))
    return replace(made, checkpoints=checkpoints(made))


@pytest.fixture(scope="module")
def figure(known):
    made = figures.modules()["noise-scale"].draw(known)
    writing.laid_out(made)
    return made


def test_branches_are_diamonds_of_the_median_over_seeds(known):
    rows = known.checkpoints
    smallest = rows["batch_size"] == rows["batch_size"].min()
    values = (64.0 * 2 ** rows["seed"]).where(smallest & (rows["roles"] != "best"))
    branched = replace(known, checkpoints=rows.assign(branched_batch=values))
    module = figures.modules()["noise-scale"]
    made = module.draw(branched)
    writing.laid_out(made)
    (diamonds,) = [line for line in made.axes[0].lines if line.get_marker() == "D"]
    assert diamonds.get_ydata() == pytest.approx([128.0] * len(EPOCHS))
    beyond = rows.assign(branched_batch=values.where(values.isna(), np.inf), branched_batch_lo=values)
    made = module.draw(replace(known, checkpoints=beyond))
    writing.laid_out(made)
    (triangles,) = [line for line in made.axes[0].lines if line.get_marker() == "^"]
    assert triangles.get_ydata() == pytest.approx([256.0] * len(EPOCHS))
    assert "Diamonds" in module.caption(branched) and "Diamonds" not in module.caption(known)


def test_it_is_drawn_of_studies_with_analyses_alone(known):
    assert "noise-scale" in figures.applicable(known)
    without = replace(known, checkpoints=columns.frame([], schema.CHECKPOINTS))
    assert "noise-scale" not in figures.applicable(without)
    sharp = checkpoints(known).assign(noise_scale=np.nan)
    assert "noise-scale" not in figures.applicable(replace(known, checkpoints=sharp))


def test_a_line_is_the_median_over_seeds_at_what_all_of_them_have(known, figure):
    panel = figure.axes[0]
    cells = known.trained.query("dataset == 'mnist' and arm == 'fixed-lr'")
    sizes = sorted(cells["batch_size"].unique())
    lines = [line for line in panel.lines if len(line.get_xdata()) > 2]
    assert len(lines) == len(sizes)
    for size, line in zip(sizes, lines, strict=True):
        np.testing.assert_allclose(line.get_xdata(), [0.05, *EPOCHS[1:]])
        np.testing.assert_allclose(line.get_ydata(), [scale(size, epochs, 1) for epochs in EPOCHS])


def test_the_law_stands_beside_the_arm_that_has_one(known, figure):
    laws = known.critical_batch[known.critical_batch["framework"] == "pytorch"]
    assert not laws.empty
    drawn = {
        ax.get_title(loc="left"): {line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"}
        for ax in figure.axes
    }
    for law in laws.itertuples():
        title = f"{wording.workload((law.dataset, law.model))} · {law.arm}"
        assert drawn[title] == {law.critical_batch}


def test_the_table_has_the_median_over_seeds_with_their_range(known):
    (table,) = [each for each in tables.build(known) if each.name == "inside"]
    row = table.data.iloc[0]
    for role, epochs in (("start", 0.0), ("target", 0.2), ("end", 2.0)):
        found = [row[f"noise_scale_{role}{end}"] for end in ("_lo", "", "_hi")]
        assert found == pytest.approx([scale(row["batch_size"], epochs, seed) for seed in SEEDS])
    heads = [column.group for column in table.columns]
    assert "Largest eigenvalue" not in heads, "what was not measured has no columns"
    assert row["critical_batch"] > 0
    assert len(table.columns) == len(table.rows[0])


def test_a_study_without_analyses_has_no_such_table(known):
    without = replace(known, checkpoints=columns.frame([], schema.CHECKPOINTS))
    assert not [each for each in tables.build(without) if each.name == "inside"]

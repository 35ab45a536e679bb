"""How PyTorch's steps are divided among CUDA graphs; the graphs are played, since they need a GPU."""

import pytest


def replayed(batch_size, count):
    """The number of steps in each replay of `count` steps, and the steps' results in order.

    A played graph gives back the first index of each row. Also whether garbage was collected in a capture.
    """
    import gc
    from unittest.mock import patch

    import torch

    from benchmarks.frameworks.torch_parts import fused

    lengths, collected = [], []

    def played_graph(step, length, inputs, pool):
        collected.append(gc.isenabled())

        def replay(rows, coefficients):
            assert len(rows) == len(coefficients) == length
            lengths.append(length)
            return rows[:, 0].clone()

        return replay

    rows = torch.arange(count).unsqueeze(1).expand(count, batch_size)
    of_one = rows[0], torch.zeros(2)
    played = {"_cuda_graph": played_graph, "_warm_up": lambda step: step()}
    with patch.multiple(fused, **played), patch.object(torch.cuda, "graph_pool_handle", tuple):
        replay = fused._cuda_graphs(lambda *inputs: None, *of_one)
    return lengths, replay(rows, torch.zeros(count, 2)).tolist(), any(collected), gc.isenabled()


@pytest.mark.parametrize(
    ("batch_size", "count", "lengths"),
    [
        (16, 1, [1]),
        (16, 32, [32]),
        (16, 67, [32, 32, 1, 1, 1]),
        (8192, 9, [4, 4, 1]),
        (55000, 3, [1, 1, 1]),
    ],
)
def test_steps_run_once_and_in_order_in_graphs_as_long_as_fit(in_torch, batch_size, count, lengths):
    found, results, *_ = in_torch(replayed, batch_size, count)
    assert found == lengths and results == list(range(count))


def test_no_garbage_is_collected_while_graphs_are_captured(in_torch):
    """An earlier trainer's graph that is freed in a capture makes CUDA give the capture up."""
    *_, collected, afterwards = in_torch(replayed, 16, 1)
    assert afterwards and not collected

"""Throughput that is not that of steps of a known time is told, whatever is done to it on the way."""

import types
from unittest.mock import patch

import numpy as np
import pytest

from benchmarks.identity import expected_timing
from benchmarks.throughput import fit, job, launch, rounds, rows


def fault(plant, framework="keras"):
    with plant():
        return expected_timing.tried(framework)


@pytest.mark.parametrize("framework", ["keras", "pytorch"])
def test_the_time_of_steps_comes_out_of_throughput(framework):
    assert expected_timing.fault(framework) == ""


def with_more_steps_in_keras():
    """A round of calls is said to have a twentieth more steps, where the trainer is Keras's."""
    original = rounds.of_calls

    def of_calls(trainer, *given, **named):
        made = original(trainer, *given, **named)
        return made._replace(steps=made.steps * (1.05 if "keras" in type(trainer).__module__ else 1.0))

    return patch.object(rounds, "of_calls", of_calls)


def with_longer_rounds_of_fit():
    original = fit.timed
    return patch.object(
        fit, "timed", lambda *given: (made := original(*given))._replace(length=_more(made.length))
    )


def _more(length):
    return length._replace(taken=1.1 * length.taken)


def by_a_slow_clock():
    clock = fit.time.perf_counter
    return patch.object(fit, "time", types.SimpleNamespace(perf_counter=lambda: 0.9 * clock()))


def of_the_fastest_round():
    return patch.object(rows.np, "median", np.min)


def of_the_mean_round():
    return patch.object(rows.np, "median", np.mean)


def after_the_fused_execution():
    """The cases of a process come in the opposite order."""
    original = rows.shuffled
    return patch.object(expected_timing, "shuffled", lambda *given, **named: original(*given, **named)[::-1])


def in_short_calls():
    return of_cases(lambda case: {"call_steps": min(64, case.call_steps)})


def in_calls_of_two_thirds():
    return of_cases(lambda case: {"call_steps": max(1, 2 * case.call_steps // 3)})


def in_one_call_of_a_round():
    original = rounds.of_calls

    def of_calls(*given, calls, of_call, step_s):
        return original(*given, calls=1, of_call=calls * of_call, step_s=step_s)

    return patch.object(rounds, "of_calls", of_calls)


def of_another_batch_size():
    original = rows.row

    def row(benchmark, **limits):
        return {**(made := original(benchmark, **limits)), "samples_per_s": 2 * made["samples_per_s"]}

    return patch.object(job, "row", row)


def of_the_slowest_round():
    return patch.object(rows.np, "median", np.max)


def of_half_the_input():
    original = fit.input_step_s
    return patch.object(fit, "input_step_s", lambda *given: original(*given) / 2)


def of_one_execution():
    original = launch.collect

    def collect(*given, **named):
        content = original(*given, **named)
        return {**content, "benchmarks": content["benchmarks"][:1]}

    return patch.object(launch, "collect", collect)


def of_cases(change):
    """Rounds of the fused execution are of cases with some settings changed by `change(case)`."""
    original = rounds.fused

    def fused(trainer, stream, case, **named):
        return original(trainer, stream, case.model_copy(update=change(case)), **named)

    return patch.object(rounds, "fused", fused)


def in_smaller_batches():
    return of_cases(lambda case: {"batch_size": 7})


def requested(**settings):
    """A timing process takes something else than what is requested of it."""
    original = rows.Request.model_validate_json

    def read(content):
        made = original(content)
        return made.model_copy(update={name: change(made) for name, change in settings.items()})

    return patch.object(rows.Request, "model_validate_json", read)


def on_one_thread():
    return requested(threads=lambda _: 1)


def in_another_precision():
    return requested(precision=lambda _: "float64")


def of_one_step_kind():
    return requested(
        arms=lambda made: [made.arms[0].model_copy(update={"name": arm.name}) for arm in made.arms]
    )


def of_one_execution_alone():
    original = rounds.set_up
    return patch.object(
        rounds,
        "set_up",
        lambda case, *given, **named: original(
            case.model_copy(update={"execution": "fused"}), *given, **named
        ),
    )


def with_a_tenth_left_out_of_large_batches():
    original = rounds.of_calls

    def of_calls(trainer, *given, **named):
        made = original(trainer, *given, **named)

        def run(batches):
            for each in batches:
                trainer.train(each[: len(each) - len(each) // 10 if each.shape[1] > 8 else None])

        return made._replace(run=run)

    return patch.object(rounds, "of_calls", of_calls)


def without_compilation():
    original = rows.row

    def row(benchmark, **limits):
        return {**original(benchmark, **limits), "compile_s": 0.0}

    return patch.object(job, "row", row)


PLANTS = {
    on_one_thread: "could not be timed",
    in_another_precision: "could not be timed",
    of_one_step_kind: "execution is failed",
    of_one_execution_alone: "the idiomatic execution is failed",
    with_a_tenth_left_out_of_large_batches: "the fused execution is failed",
    without_compilation: "told of another compilation",
    in_smaller_batches: "the fused execution is failed",
    with_more_steps_in_keras: "the fused execution is told of steps of",
    with_longer_rounds_of_fit: "the idiomatic execution is told of steps of",
    by_a_slow_clock: "the idiomatic execution is told of steps of",
    of_the_fastest_round: "is told of steps of",
    of_the_mean_round: "the fused execution is told of steps of",
    in_short_calls: "the fused execution is told of steps of",
    in_calls_of_two_thirds: "the fused execution is ",
    in_one_call_of_a_round: "the fused execution is failed",
    after_the_fused_execution: "the idiomatic execution is failed",
    of_the_slowest_round: "is told of steps of",
    of_another_batch_size: "not the batch size over the time of a step",
    of_half_the_input: "the idiomatic execution is told of an input of",
    of_one_execution: "not timed in both executions",
}


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_told_otherwise_shows(plant):
    assert PLANTS[plant] in fault(plant)


def test_what_holds_of_one_framework_alone_shows_with_its_name():
    assert fault(with_more_steps_in_keras, "pytorch") == ""


def test_a_pause_of_the_machine_is_tried_again():
    tries = iter(["paused", "paused again", ""])
    with patch.object(expected_timing, "tried", lambda _: next(tries)):
        assert expected_timing.fault.__wrapped__("keras") == ""
    with patch.object(expected_timing, "tried", lambda _: "wrong"):
        assert expected_timing.fault.__wrapped__("keras") == "wrong"


def test_a_case_that_cannot_be_timed_is_told():
    row = {"status": "failed", "input_share": 0.0, "step_ms": float("nan"), "samples_per_s": float("nan")}
    row |= {"step_kind": "adam"}
    assert expected_timing.wrong_row(row) == "failed"


def test_a_process_that_cannot_be_started_is_told():
    with patch.object(expected_timing, "imitate", int):
        assert expected_timing.tried("keras").startswith("steps of a known time could not be timed")

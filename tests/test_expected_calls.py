"""A run that asks its trainer for anything else than it has to gets no certificate."""

import dataclasses
import itertools
from unittest.mock import patch

import pytest

from benchmarks.common import quiet
from benchmarks.frameworks.setup import Setup
from benchmarks.identity import expected_calls
from benchmarks.recipe import plan
from benchmarks.study.study import Study
from benchmarks.training import measure, pace, peak_memory, run

STUDY = Study.model_validate(
    {
        "study": "calls",
        "frameworks": ["pytorch"],
        "seeds": [0],
        "arms": [{"name": "a", "learning_rate": 0.5, "momentum": 0.5, "scaling": "none"}],
        "workloads": [
            {
                **{"dataset": "digits", "model": "mlp", "batch_sizes": [1, 7, 64, "full"]},
                "target": {"validation_accuracy": 0.9, "source": "chosen here"},
                "budget": {"epochs": 2, "seconds": 10},
            }
        ],
    }
)
OTHER_CALLS = "it asks its trainer for other steps or outputs than a run has to"


def test_a_run_asks_for_what_it_has_to():
    assert expected_calls.fault("pytorch") == expected_calls.fault_of_timings(STUDY) == ""


def changed(where, name, change):
    original = getattr(where, name)
    return patch.object(where, name, lambda *given, **named: change(original, *given, **named))


def of_one_example_in_pytorch(original, framework, trainer, batches, baseline):
    alone = "pytorch" in framework.__name__ and "pytorch" in type(trainer).__module__
    return original(framework, trainer, batches[:, :1] if alone else batches, baseline)


def of_smaller_batches(original, framework, trainer, batches, baseline):
    return original(framework, trainer, batches[:, : max(1, batches.shape[1] // 2)], baseline)


def in_calls_of_one(original, *given):
    return 1


def half_the_memory(original, subject):
    found = original(subject)
    return {**found, "peak_memory_mib": found["peak_memory_mib"] / 2}


def memory_at_the_end(original, field):
    return original("VmRSS")


def of_a_smaller_start(original, setup):
    return original(setup) - 8


def since_the_steps_began(original, setup):
    """The baseline is what the process has once its trainer is there."""
    return original(setup) + expected_calls.OWN_MIB


def of_the_fastest_call(times):
    return min(times)


def seconds_alone(original, *given, watching, **named):
    """Seconds are multiplied by the share of the processor that others left."""
    made = original(*given, watching=watching, **named)
    share = 1 - made.disturbance.others_cpu_share
    run = made.run
    curve = [point.model_copy(update={"training_s": share * point.training_s}) for point in run.curve]
    told = {"curve": curve, "training_s": share * run.training_s}
    return made.model_copy(update={"run": run.model_copy(update=told)})


def half_the_time(original, *given, **named):
    return original(*given, **named) / 2000


def nothing(original, *given):
    return {}


def of_one_pace(original, *given, **named):
    found = original(*given, **named)
    return found._replace(step_ms={"before": found.step_ms["before"]})


def nine_tenths_in_pytorch(original, trainer, stream, plan, *, state, watch, clock):
    """Calls of one framework are told to be faster than they are."""
    before = state.training_s
    ended = original(trainer, stream, plan, state=state, watch=watch, clock=clock)
    if plan.cell.framework == "pytorch":
        state.training_s = before + 0.9 * (state.training_s - before)
    return ended


def of_a_part(original, trainer, data, plan, *, state, clock):
    part = {name: getattr(data, name)[:1200] for name in ("validation_x", "validation_y")}
    return original(trainer, dataclasses.replace(data, **part), plan, state=state, clock=clock)


def of_half_the_evaluations(original, trainer, data, plan, *, state, clock):
    before = state.evaluation_s
    original(trainer, data, plan, state=state, clock=clock)
    state.evaluation_s = before + (state.evaluation_s - before) / 2


def of_the_first_seeds(original, self, *, seed):
    return original(self, seed=min(seed, 3))


def where_a_baseline_is_taken():
    """Freed memory is given back then, and not before the steps."""
    original, calls = peak_memory.give_back_freed_memory, itertools.count()
    return patch.object(peak_memory, "give_back_freed_memory", lambda: next(calls) % 2 or original())


def of_a_start_with_compilation(original, *given):
    made = original(*given)
    tiny_model_s = made.start["tiny_model_s"] + made.start["compile_s"]
    return made._replace(start={**made.start, "tiny_model_s": tiny_model_s})


def of_a_start_without(name):
    def warmed_up(original, *given):
        made = original(*given)
        return made._replace(start={**made.start, name: made.start[name] / 50})

    return warmed_up


def with_half_the_threads(original, framework, *given, threads, **named):
    """And the record says otherwise."""
    configure = framework.configure
    framework.configure = lambda *, threads, **others: configure(threads=threads // 2, **others)
    return original(framework, *given, threads=threads, **named)


def of_the_first_size(original, setup, data, plan):
    """Of a batch that grows, compilation is told of its first size alone."""
    made = original(setup, data, plan)
    share = 1 / len(plan.phases.batch_sizes)
    return made._replace(start={**made.start, "compile_s": share * made.start["compile_s"]})


def with_the_memory_of_its_first_size(original, setup, data, plan):
    """A batch that grows has no size whose memory could be told."""
    made = original(setup, data, plan)
    peak_mib = expected_calls.OWN_MIB + expected_calls.HELD_MIB
    return made._replace(memory={"peak_memory_mib": peak_mib}) if plan.growth else made


PLANTS = {
    "the memory of a batch that grows": (
        lambda: changed(measure, "warm_up", with_the_memory_of_its_first_size),
        "the trainer and its steps hold",
    ),
    "a start without what a batch grows to": (
        lambda: changed(measure, "warm_up", of_the_first_size),
        "the seconds of its start",
    ),
    "half the threads": (
        lambda: changed(measure, "record", with_half_the_threads),
        "compute with other threads",
    ),
    "the seconds of a framework are cut": (
        lambda: changed(run, "train_to_evaluation", nine_tenths_in_pytorch),
        "the seconds that it tells",
    ),
    "the seconds of evaluations are cut": (
        lambda: changed(run, "_evaluate", of_half_the_evaluations),
        "the seconds that it tells",
    ),
    "evaluations of a part": (lambda: changed(run, "_evaluate", of_a_part), OTHER_CALLS),
    "parameters of the first seeds": (
        lambda: changed(Setup, "parameters", of_the_first_seeds),
        OTHER_CALLS,
    ),
    "batches of the first seeds": (lambda: changed(Setup, "stream", of_the_first_seeds), OTHER_CALLS),
    **{
        f"a shorter {name}": (
            lambda name=name: changed(measure, "warm_up", of_a_start_without(name)),
            "the seconds of its start",
        )
        for name in ("compile_s", "first_step_s", "tiny_model_s")
    },
    "the tiny model's seconds and those of compilation": (
        lambda: changed(measure, "warm_up", of_a_start_with_compilation),
        "the seconds of its start",
    ),
    "memory with what compilation has freed": (
        where_a_baseline_is_taken,
        "the trainer and its steps hold",
    ),
    "memory of smaller batches": (lambda: changed(peak_memory, "Subject", of_smaller_batches), OTHER_CALLS),
    "memory of smaller batches in one framework": (
        lambda: changed(peak_memory, "Subject", of_one_example_in_pytorch),
        OTHER_CALLS,
    ),
    "memory of fewer steps": (lambda: patch.object(measure, "MEASURED_STEPS", 2), OTHER_CALLS),
    "half the memory": (
        lambda: changed(peak_memory, "measure", half_the_memory),
        "the trainer and its steps hold",
    ),
    "memory when the steps are done": (
        lambda: changed(peak_memory, "resident_mib", memory_at_the_end),
        "the trainer and its steps hold",
    ),
    "memory above another start": (
        lambda: changed(peak_memory, "baseline_mib", of_a_smaller_start),
        "the trainer and its steps hold",
    ),
    "a pace of single steps": (lambda: changed(plan.Evaluations, "call_steps", in_calls_of_one), OTHER_CALLS),
    "memory since the steps began": (
        lambda: changed(peak_memory, "baseline_mib", since_the_steps_began),
        "the trainer and its steps hold",
    ),
    "a pace of the fastest call": (
        lambda: patch.object(pace.statistics, "median", of_the_fastest_call),
        "not the median of its calls",
    ),
    "a pace of the mean call": (
        lambda: patch.object(pace.statistics, "median", pace.statistics.mean),
        "not the median of its calls",
    ),
    "seconds without the share of others": (
        lambda: changed(measure, "record", seconds_alone),
        "the seconds that it tells",
    ),
    "a pace that is too short": (
        lambda: changed(pace, "step_ms", half_the_time),
        "not the median of its calls",
    ),
    "a pace that is not recorded": (
        lambda: changed(measure, "measure", of_one_pace),
        "not the median of its calls",
    ),
    "no pace after the run": (lambda: changed(pace, "step_ms_after", nothing), "starts a trainer anew"),
    "shorter calls of a run": (lambda: patch.object(run, "LONGEST_CALL", 512), OTHER_CALLS),
    "shorter calls of a pace": (lambda: patch.object(plan, "LONGEST_CALL", 512), OTHER_CALLS),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_run_that_does_otherwise_is_told(name):
    plant, cause = PLANTS[name]
    with plant():
        assert cause in "\n".join(
            expected_calls.fault_of_run("pytorch", each) for each in expected_calls.RUNS.values()
        )


def test_the_more_disturbed_of_two_measurements_is_told():
    with patch.object(quiet.Disturbance, "degree", property(lambda self: -self.others_cpu_share)):
        assert "the calmer one is not kept" in expected_calls.fault_of_repetition()


def test_a_timing_in_calls_of_other_lengths_is_told():
    with changed(plan.Evaluations, "call_steps", in_calls_of_one):
        assert expected_calls.fault_of_timings(STUDY).startswith("throughput at batch size 1 is timed")


def test_a_timing_that_gets_other_evaluations_than_the_study_has_is_told():
    original = expected_calls.for_timing
    few = [each.model_copy(update={"evaluations_per_epoch": 1}) for each in STUDY.workloads]
    with patch.object(
        expected_calls, "for_timing", lambda given: original(given).model_copy(update={"workloads": few})
    ):
        assert expected_calls.fault_of_timings(STUDY).startswith("throughput at batch size 1 is timed")

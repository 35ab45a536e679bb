"""Differences to plant into the code that makes the runs of a study, and those runs with one of them."""

import contextlib
from dataclasses import replace
from unittest.mock import patch

import tracing

from benchmarks.identity import studied
from benchmarks.recipe.arm import Arm
from benchmarks.study import check, study

SIZES = [4, 33]
ARM = Arm(
    name="shifted",
    optimizer="nesterov",
    learning_rate=0.03125,
    momentum=0.875,
    weight_decay=0.03125,
    clip_norm=1.0,
    scaling="sqrt",
    augmentation=["shift"],
    growth={"factor": 2, "milestones": [0.5]},
)


def plans():
    """The study's plans of the runs of PyTorch on this arm."""
    given = {
        **tracing.STUDY,
        "arms": [ARM.model_dump(exclude_none=True, exclude_defaults=True)],
        "seeds": [0],
    }
    (workload,) = tracing.STUDY["workloads"]
    given["workloads"] = [{**workload, "batch_sizes": SIZES}]
    (replicate,) = study.replicates(check.read(given))
    return replicate.plans


def changed(module, name, change):
    """Replace a function of the study by `change(original, *arguments)`."""
    original = getattr(module, name)
    return patch.object(module, name, lambda *given, **named: change(original, *given, **named))


def set_up_of(change, *, where=lambda plan: True):
    """The set-up of a training, for the plans `where` holds changed by `change(set_up, plan, data)`."""
    from benchmarks.training import measure

    def of_study(original, framework, plan, data):
        def with_framework(plan, data):
            return original(framework, plan, data)

        return change(with_framework, plan, data) if where(plan) else with_framework(plan, data)

    return changed(measure, "set_up", of_study)


def optimizer_of(plan, **settings):
    return plan.model_copy(update={"optimizer": plan.optimizer.model_copy(update=settings)})


def without_augmentation(original, plan, data):
    return original(plan.model_copy(update={"augmentation": []}), data)


def without_decay(original, plan, data):
    return original(optimizer_of(plan, weight_decay=0.0), data)


def in_another_precision(original, plan, data):
    return original(plan.model_copy(update={"precision": "float32"}), data)


def at_twice_the_rate(original, plan, data):
    return original(optimizer_of(plan, learning_rate=2 * plan.optimizer.learning_rate), data)


def on_a_part(original, plan, data):
    return replace(original(plan, data), examples=data.train_x[:600], labels=data.train_y[:600])


def of_one_seed():
    from benchmarks.frameworks.setup import Setup

    return changed(Setup, "stream", lambda original, self, *, seed: original(self, seed=0))


def from_the_parameters_of_one_seed():
    from benchmarks.frameworks.setup import Setup

    return changed(Setup, "parameters", lambda original, self, *, seed: original(self, seed=0))


def begun_where_the_pace_was_measured():
    from benchmarks.training import measure

    def paced(trainer, stream, plan):
        trainer.reset = lambda parameters: None
        return 1.0

    return patch.object(measure.pace, "step_ms", paced)


def recorded_of_one_seed():
    from benchmarks.training import forked

    def record(original, framework, plan, data, *, threads):
        return original(framework, plan.model_copy(update={"seed": 0}), data, threads=threads)

    return changed(forked.measure, "record", record)


def on_other_threads():
    """The record says what the run was told, and the framework was told otherwise."""
    from benchmarks.frameworks import pytorch

    return changed(pytorch, "configure", lambda original, **given: original(**{**given, "threads": 3}))


def recorded_of_other_threads():
    from benchmarks.training import forked

    def record(original, *given, threads):
        made = original(*given, threads=threads)
        return made.model_copy(update={"provenance": {**made.provenance, "threads": 3}})

    return changed(forked.measure, "record", record)


def of_shortened_seconds(*names):
    """A record says less of some seconds than its run took."""
    from benchmarks.training import forked

    def record(original, *given, **named):
        made = original(*given, **named)
        less = {name: 0.95 * (getattr(made.run, name) or 0.0) for name in names}
        return made.model_copy(update={"run": made.run.model_copy(update=less)})

    return changed(forked.measure, "record", record)


def of_less_training():
    return of_shortened_seconds("training_s")


def of_less_time_to_the_target():
    return of_shortened_seconds("time_to_target_s")


def trained_at_twice_the_rate():
    """The plan is another where the run is forked, and its record says otherwise."""
    from benchmarks.training import forked

    def record(original, framework, plan, data, *, threads):
        twice = optimizer_of(plan, learning_rate=2 * plan.optimizer.learning_rate)
        made = original(framework, twice, data, threads=threads)
        return made.model_copy(update={"settings": plan.settings})

    return changed(forked.measure, "record", record)


def whose_batch_never_grows():
    from benchmarks.training import forked

    def record(original, framework, plan, data, *, threads):
        made = original(framework, plan.model_copy(update={"growth": []}), data, threads=threads)
        return made.model_copy(update={"settings": plan.settings})

    return changed(forked.measure, "record", record)


def that_begins_examples_anew_where_it_grows():
    from benchmarks.recipe.batches import BatchStream

    def after(original, stream, examples, batch_size, *, count):
        return original(stream, examples if batch_size in SIZES else 0, batch_size, count=count)

    return changed(BatchStream, "after", after)


def in_float32(plan):
    return plan.precision == "float32"


def at_the_second_size(plan):
    return plan.cell.batch_size == SIZES[1]


PLANTS = {
    "without augmentation": lambda: set_up_of(without_augmentation),
    "in another precision": lambda: set_up_of(in_another_precision),
    "without decay": lambda: set_up_of(without_decay),
    "at twice the rate": lambda: set_up_of(at_twice_the_rate),
    "on a part of the examples": lambda: set_up_of(on_a_part),
    "of one seed": of_one_seed,
    "from the parameters of one seed": from_the_parameters_of_one_seed,
    "begun where the pace was measured": begun_where_the_pace_was_measured,
    "forked at twice the rate": trained_at_twice_the_rate,
    "whose batch never grows": whose_batch_never_grows,
    "that begins the examples anew where it grows": that_begins_examples_anew_where_it_grows,
    "without decay at the second size": lambda: set_up_of(without_decay, where=at_the_second_size),
    "at twice the rate at the second size": lambda: set_up_of(at_twice_the_rate, where=at_the_second_size),
}
IN_FLOAT32 = {
    "without decay in float32": lambda: set_up_of(without_decay, where=in_float32),
    "without augmentation in float32": lambda: set_up_of(without_augmentation, where=in_float32),
    "at twice the rate in float32": lambda: set_up_of(at_twice_the_rate, where=in_float32),
    "without augmentation at the second size": lambda: set_up_of(
        without_augmentation, where=at_the_second_size
    ),
    "at twice the rate at the second size": lambda: set_up_of(at_twice_the_rate, where=at_the_second_size),
    "of one seed": of_one_seed,
    "begun where the pace was measured": begun_where_the_pace_was_measured,
    "forked at twice the rate": trained_at_twice_the_rate,
    "whose batch never grows": whose_batch_never_grows,
    "that begins the examples anew where it grows": that_begins_examples_anew_where_it_grows,
}


def by_the_study(name, precision):
    """Runs by the study's own code in PyTorch, with the plant of this name or without one."""
    from benchmarks.frameworks import pytorch

    with {**PLANTS, **IN_FLOAT32}[name]() if name else contextlib.nullcontext():
        try:
            return studied.by_the_study(pytorch, plans(), tracing.blobs(), precision=precision, threads=1)
        except RuntimeError as error:
            return str(error)

"""The trials of one batch size, in one process and with one compilation for all learning rates."""

from dataclasses import replace
from types import ModuleType

from benchmarks.common.quiet import Watch
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer, scores
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.recipe.plan import Plan
from benchmarks.recipe.search import Candidate
from benchmarks.study.rates import Ended, Trial
from benchmarks.training.measure import set_up
from benchmarks.training.record import Status
from benchmarks.training.run import RunState, train_to_evaluation


class Trials:
    """Runs the trials of a plan, whatever its seed and learning rate.

    A trial ends at its target, or goes on `to_the_end` of its budget. The test set takes no part in it. The
    framework must have been configured.
    """

    def __init__(self, framework: ModuleType, plan: Plan, data: Dataset, *, to_the_end: bool = False) -> None:
        self.plan, self.data, self.to_the_end, self.watch = plan, data, to_the_end, Watch()
        self.setup = set_up(framework, plan, data)
        self._compiled: tuple[str, Trainer] | None = None

    def run(self, candidate: Candidate, seed: int, most_steps: float) -> Trial:
        """Train a candidate from a seed until it has reached its target, diverges, or ends."""
        optimizer = candidate.applied(self.plan.optimizer)
        plan = self.plan.model_copy(update={"optimizer": optimizer, "seed": seed})
        trainer, stream, state = self._trainer(optimizer), self.setup.stream(seed=seed), RunState()
        trainer.reset(self.setup.parameters(seed=seed))
        ended = None
        while ended is None:
            status = train_to_evaluation(trainer, stream, plan, state=state, watch=self.watch)
            ended = Ended.DIVERGED if status == Status.DIVERGED else self._evaluated(trainer, plan, state)
            if ended is None and state.steps >= most_steps:
                ended = Ended.BEATEN
        return Trial(
            candidate=candidate,
            seed=seed,
            ended=ended,
            steps=state.steps,
            validation_accuracy=max(0.0, state.best_accuracy),
            training_s=state.training_s,
        )

    def _trainer(self, optimizer: Optimizer) -> Trainer:
        """A trainer with these settings, compiled and warmed up, as that of a run is before its clock starts.

        The learning rate is no part of what is compiled. A trainer of other settings is let go.
        """
        compiled = optimizer.model_copy(update={"learning_rate": self.plan.optimizer.learning_rate})
        name = compiled.model_dump_json()
        if self._compiled is None or self._compiled[0] != name:
            self._compiled = None
            self._compiled = name, self._warmed_up(replace(self.setup, optimizer=compiled))
        trainer = self._compiled[1]
        trainer.retune(optimizer)
        return trainer

    def _warmed_up(self, setup: Setup) -> Trainer:
        """A new trainer that has compiled, taken a step and evaluated."""
        size, seed = self.plan.cell.batch_size, self.plan.seed
        trainer = setup.trainer()
        trainer.reset(setup.parameters(seed=seed))
        trainer.compile(size)
        trainer.train(setup.stream(seed=seed).batches(size, first=0, count=1))
        trainer.logits(self.data.validation_x)
        return trainer

    def _evaluated(self, trainer: Trainer, plan: Plan, state: RunState) -> Ended | None:
        """Evaluate; how the trial has ended, None if it may go on."""
        accuracy = scores(trainer.logits(self.data.validation_x), self.data.validation_y).accuracy
        state.best_accuracy = max(state.best_accuracy, accuracy)
        if state.training_s > plan.budget.seconds:
            return Ended.TIME_LIMIT
        ends = state.steps >= plan.optimizer.total_steps
        if state.best_accuracy >= plan.target and (ends or not self.to_the_end):
            return Ended.REACHED
        return Ended.MISSED if ends else None

"""The champion: chosen among the best trials by validation, over folds and seeds, never by test."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial

from rnnsearch.config import digest
from rnnsearch.errors import NoTrialError, RnnsearchError
from rnnsearch.model.windows import Rows, naive_values, target_values
from rnnsearch.scoring import metrics
from rnnsearch.search.packing import unpack
from rnnsearch.search.parameters import TrialParameters
from rnnsearch.search.problem import Problem
from rnnsearch.search.protocol import Done, Failed, Lost, Task
from rnnsearch.search.store import Store, state_of
from rnnsearch.search.workers import LocalWorkers, plan_workers

Floats = NDArray[np.float64]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Candidate:
    """A trial, its validation skill under each seed that trained to its end, its own seed first."""

    trial: FrozenTrial
    parameters: TrialParameters
    skills: tuple[float, ...]
    forecasts: tuple[Floats, ...]  # of the validation rows of all folds, one per seed

    @property
    def skill(self) -> float:
        return float(np.mean(self.skills))

    def as_plain(self) -> dict[str, Any]:
        return {
            "trial": self.trial.number,
            "skill": self.skill,
            "skills": list(self.skills),
            "params": self.parameters.plain(),
        }


def complete_trials(store: Store) -> list[FrozenTrial]:
    """Each configuration that was trained to its end, once."""
    return [
        trial
        for trial in store.trials()
        if state_of(trial) == "complete" and "duplicate_of" not in trial.user_attrs
    ]


def best_trials(store: Store, count: int) -> list[FrozenTrial]:
    """The best complete trials, at most `count`, best first. Raises NoTrialError without any."""
    complete = complete_trials(store)
    if not complete:
        raise NoTrialError(
            f"{store.name}: no trial was completed, so there is nothing to evaluate; run "
            "`rnnsearch search` first"
        )
    return sorted(complete, key=lambda trial: (-(trial.value or 0.0), trial.number))[:count]


def seeds_of(parameters: TrialParameters, count: int) -> list[int]:
    """The trial's own seed and further ones that follow from it."""
    return [
        parameters.seed,
        *(int(digest(parameters.seed, number), 16) % 2**31 for number in range(1, count)),
    ]


def validate(problem: Problem, trials: list[FrozenTrial], seeds: int, say: Say) -> list[Candidate]:
    """Train every trial's folds again under further seeds; the best candidate first.

    A trial's own seed is among the best of many, the further ones are not. So a configuration that
    diverges under one of them stands behind all that do not, whatever its mean is then.
    """
    tasks: list[tuple[int, TrialParameters]] = []
    for place, trial in enumerate(trials):
        parameters = TrialParameters.from_plain(trial.user_attrs["parameters"])
        tasks += [(place, replace(parameters, seed=s)) for s in seeds_of(parameters, seeds)[1:]]
    results = _train(problem, [parameters for _, parameters in tasks], say)
    candidates = []
    for place, trial in enumerate(trials):
        again = [
            result for (owner, _), result in zip(tasks, results, strict=True) if owner == place
        ]
        if failed := again.count(None):
            say(f"trial {trial.number} did not train to its end under {failed} of {seeds} seeds")
        parameters = TrialParameters.from_plain(trial.user_attrs["parameters"])
        packed = [trial.user_attrs["forecasts"], *filter(None, again)]
        forecasts = tuple(unpack(text) for text in packed)
        skills = tuple(validation_skill(problem, parameters.output_shift, f) for f in forecasts)
        candidates.append(Candidate(trial, parameters, skills, forecasts))
    return sorted(candidates, key=lambda candidate: (-len(candidate.skills), -candidate.skill))


def validation_skill(problem: Problem, output_shift: int, forecasts: Floats) -> float:
    """The mean skill over folds; `forecasts` are of all their rows."""
    close, kind = problem.prices.close, problem.study.data.predict

    def skill(rows: Rows, forecast: Floats, train: Rows) -> float:
        actual = target_values(close, rows, output_shift, kind)
        return metrics.skill(actual, forecast, naive_values(close, rows, output_shift, kind, train))

    folds = problem.split.folds
    parts = np.split(forecasts, np.cumsum([len(fold.validation) for fold in folds])[:-1])
    return float(
        np.mean(
            [
                skill(fold.validation, part, fold.train)
                for fold, part in zip(folds, parts, strict=True)
            ]
        )
    )


def _train(problem: Problem, wanted: list[TrialParameters], say: Say) -> list[str | None]:
    """Packed forecasts of each configuration on the folds; None where it did not train."""
    results: list[str | None] = [None] * len(wanted)
    if not wanted:
        return results
    device, count, per_device = plan_workers(problem.study.run.device, problem.study.run.workers)
    setup = problem.worker_setup(device, per_device)
    left = set(range(len(wanted)))
    waiting = sorted(left, reverse=True)
    lost: set[int] = set()
    with closing(LocalWorkers(setup, min(count, len(wanted)))) as workers:
        while left:
            while waiting and workers.has_idle():
                number = waiting.pop()
                workers.submit(Task(number, wanted[number].plain()))
            for event in workers.events(0.5):
                match event:
                    case Done(number=number, outcome=outcome):
                        results[number] = outcome.forecasts
                    case Failed(number=number):
                        pass
                    case Lost(number=int(number), reason=reason):
                        if number in lost:
                            raise RnnsearchError(
                                f"a trial that had trained before ended its worker twice: {reason};"
                                " set [run] workers to a smaller number, or device to cpu"
                            )
                        lost.add(number)
                        waiting.append(number)
                        continue
                    case _:
                        continue
                left.discard(number)
                say(f"validated {len(wanted) - len(left)} of {len(wanted)}")
    return results

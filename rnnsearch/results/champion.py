"""The champion: chosen among the best trials by validation, over folds and seeds, never by test."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial

from rnnsearch import __version__
from rnnsearch.config import digest
from rnnsearch.data.series import PRICE_INPUTS, is_indicator
from rnnsearch.errors import NoTrialError, RnnsearchError
from rnnsearch.model.device import choose_device, describe
from rnnsearch.model.forecaster import Forecaster, ForecasterSpec
from rnnsearch.model.training import Trainer
from rnnsearch.model.windows import target_values
from rnnsearch.search.packing import unpack
from rnnsearch.search.parameters import TrialParameters
from rnnsearch.search.problem import Problem
from rnnsearch.search.protocol import Done, Failed, Lost, Task
from rnnsearch.search.store import Store, state_of
from rnnsearch.search.trial import (
    TrialData,
    loss_of,
    prepare_fold,
    select_inputs,
    training_settings,
)
from rnnsearch.search.workers import LocalWorkers, plan_workers

Floats = NDArray[np.float64]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Candidate:
    """A trial and its validation skill under several seeds, its own first."""

    trial: FrozenTrial
    parameters: TrialParameters
    skills: tuple[float, ...]
    forecasts: tuple[Floats, ...]  # of the validation rows of all folds, one per seed

    @property
    def skill(self) -> float:
        return float(np.mean(self.skills))


def complete_trials(store: Store) -> list[FrozenTrial]:
    """Each configuration that was trained to its end, once."""
    return [
        trial
        for trial in store.trials()
        if state_of(trial) == "complete" and "duplicate_of" not in trial.user_attrs
    ]


def best_trials(store: Store, count: int) -> list[FrozenTrial]:
    """The best complete trials, best first. Raises NoTrialError if there is none."""
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
    """Train every trial's folds again under further seeds; the best candidate first."""
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
        outcomes = [(trial.value or 0.0, trial.user_attrs["forecasts"]), *filter(None, again)]
        candidates.append(
            Candidate(
                trial=trial,
                parameters=TrialParameters.from_plain(trial.user_attrs["parameters"]),
                skills=tuple(skill for skill, _ in outcomes),
                forecasts=tuple(unpack(text) for _, text in outcomes),
            )
        )
    return sorted(candidates, key=lambda candidate: -candidate.skill)


def _train(
    problem: Problem, wanted: list[TrialParameters], say: Say
) -> list[tuple[float, str] | None]:
    """Skill and packed forecasts of each configuration on the folds; None where it diverged."""
    results: list[tuple[float, str] | None] = [None] * len(wanted)
    if not wanted:
        return results
    device, count, per_device = plan_workers(problem.study.run.device, problem.study.run.workers)
    setup = problem.worker_setup(device, per_device)
    open_tasks = set(range(len(wanted)))
    waiting = sorted(open_tasks, reverse=True)
    lost: set[int] = set()
    with closing(LocalWorkers(setup, min(count, len(wanted)))) as workers:
        while open_tasks:
            while waiting and workers.has_idle():
                number = waiting.pop()
                workers.submit(Task(number, wanted[number].plain()))
            for event in workers.events(0.5):
                match event:
                    case Done(number=number, outcome=outcome):
                        results[number] = (outcome.skill, outcome.forecasts)
                    case Failed(number=number):
                        pass
                    case Lost(number=int(number), reason=reason):
                        if number in lost:
                            raise RnnsearchError(f"a worker failed twice: {reason}")
                        lost.add(number)
                        waiting.append(number)
                        continue
                    case _:
                        continue
                open_tasks.discard(number)
                say(f"validated {len(wanted) - len(open_tasks)} of {len(wanted)}")
    return results


def refit(problem: Problem, candidate: Candidate, seeds: int, say: Say) -> Forecaster:
    """Train the candidate on every row before the locked test, once per seed.

    Its interval comes from its errors on validation rows, made by networks that had not seen them.
    """
    parameters, study = candidate.parameters, problem.study
    close, kind = problem.prices.close, study.data.predict
    device = choose_device(study.run.device)
    data = TrialData(problem.table, close, problem.split, kind)
    table = select_inputs(parameters, data, device)
    fold = prepare_fold(problem.split.refit, parameters, data, device)
    networks = []
    used = seeds_of(parameters, seeds)
    for number, seed in enumerate(used, start=1):
        trainer = Trainer(
            table,
            [fold.tensors],
            training_settings(replace(parameters, seed=seed), study.run.precision),
            loss=loss_of(kind),
        )
        for _ in trainer.run():
            pass
        networks.append(trainer.networks[0].eval())
        say(f"refitted {number} of {len(used)}")
    rows = np.concatenate([f.validation for f in problem.split.folds])
    actual = target_values(close, rows, parameters.output_shift, kind)
    history = problem.split.refit.history.stop
    columns = problem.table.columns(parameters.inputs)
    specs = [problem.table.specs[column] for column in columns]
    extras = tuple(spec.name for spec in specs if spec.family == "column")
    section = study.data.model_dump(mode="json", exclude={"path"})
    section["columns"] = extras or "none"  # a newer file need not have those that are not used
    return Forecaster(
        spec=ForecasterSpec(
            study=study.name,
            data=section,
            calendar=study.data.calendar,
            inputs=parameters.inputs,
            indicators=tuple(s.name for s in specs if s in PRICE_INPUTS or is_indicator(s)),
            input_shifts=parameters.shifts([spec.family for spec in specs]),
            predict=kind,
            cell=parameters.cell,
            neurons=parameters.neurons,
            dropout=parameters.dropout,
            window=parameters.window,
            output_shift=parameters.output_shift,
            target_mean=fold.target_scale.mean,
            target_scale=fold.target_scale.scale,
            seeds=tuple(used),
            trial=candidate.trial.number,
            history_name=problem.prices.name,
            versions={"rnnsearch": __version__, **describe(device, study.run.precision)},
        ),
        networks=tuple(networks),
        scaler=fold.scaler,
        history_dates=problem.prices.dates[:history].to_numpy("datetime64[us]"),
        history_target=close[:history],
        errors=np.mean(candidate.forecasts, axis=0) - actual,
    )


def as_plain(candidate: Candidate) -> dict[str, Any]:
    """For JSON."""
    return {
        "trial": candidate.trial.number,
        "skill": candidate.skill,
        "skills": list(candidate.skills),
        "params": candidate.parameters.plain(),
    }

"""One trial, where it is trained: parameters in, a stream of epochs and an outcome out.

Runs in a worker process. Knows no Optuna and no MLflow; all it says is plain JSON.
"""

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from rnnsearch import cells
from rnnsearch.arrays import Floats
from rnnsearch.config import Precision
from rnnsearch.data.inputs.table import InputTable, load_inputs
from rnnsearch.errors import StudyFileError, shown
from rnnsearch.model import paths
from rnnsearch.model.device import describe, free_memory, worker_device
from rnnsearch.model.fold import TrainingSettings
from rnnsearch.model.kernels.cache import kernels_for
from rnnsearch.model.losses import MEDIAN
from rnnsearch.model.training import Diverged, EpochResult, Trainer
from rnnsearch.own_code import OwnCode, OwnCodeError
from rnnsearch.scoring import metrics
from rnnsearch.scoring.metrics import Scored
from rnnsearch.scoring.metrics.theirs import PLACE, MetricError
from rnnsearch.scoring.objectives import OBJECTIVES, PINBALL, objective, valued
from rnnsearch.scoring.panel.daily import ordered
from rnnsearch.scoring.parts import Part, together
from rnnsearch.scoring.quantiles import crps
from rnnsearch.scoring.quantiles import skill as pinball_skill
from rnnsearch.search.trial.folds import TrialData, prepare_fold, select_inputs
from rnnsearch.search.trial.importance import permutation_losses
from rnnsearch.search.trial.judging import JudgedFold, judge
from rnnsearch.search.trial.packing import pack
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import EpochReport, Outcome, Refit, Task, WorkerSetup

if TYPE_CHECKING:
    from rnnsearch.model.kernels.program import Machine

ACCUMULATE = (1, 4)
"""Parts a batch is cut into: whole, and again where that did not fit in memory."""


class TrialRunner:
    """Set up once per worker process; then runs one trial after the other."""

    def __init__(self, setup: WorkerSetup) -> None:
        table = setup.table if isinstance(setup.table, InputTable) else load_inputs(setup.table)
        measures, self._lacking = _metrics(setup)
        self.data = TrialData(
            table,
            setup.quotes,
            setup.split,
            setup.predict,
            code=setup.code,
            metrics=measures,
            objective=objective(setup.objective, setup.quotes.target, setup.code),
        )
        self.device = worker_device(setup.device, setup.slot, setup.workers_per_device)
        self.precision = setup.precision
        self.description = describe(self.device, self.precision)
        self.machine = None
        if setup.kernels is not None:
            # What there is to say was said to the user before; a trial tells what trained it.
            self.machine = kernels_for("auto", self.device, setup.kernels, say=lambda _: None)

    def run(self, task: Task) -> Iterator[EpochReport | Outcome | str]:
        """Reports and the outcome, or a last word why there is none.

        A trial that does not fit in memory begins again with its batches in four parts, which
        changes the memory it needs and not its gradients.
        """
        parameters = TrialParameters.from_plain(task.parameters)
        data = replace(self.data, scoring=task.scoring, formulation=task.formulation)
        for accumulate in ACCUMULATE:
            try:
                for said in self._begin(task, parameters, data, accumulate):
                    if isinstance(said, Outcome) and self._lacking:
                        said = replace(said, lacking=self._lacking)
                    yield said
                return
            except Diverged as error:
                yield f"diverged: {error}"
                return
            except (OwnCodeError, MetricError) as error:
                yield str(error)
                return
            except torch.OutOfMemoryError:
                free_memory(self.device)
        yield "out of memory, also with the batch in four parts"

    def _begin(
        self, task: Task, parameters: TrialParameters, data: TrialData, accumulate: int
    ) -> Iterator[EpochReport | Outcome | str]:
        if isinstance(task, Refit):
            from rnnsearch.search.trial.refits import run_refit  # with baselines: no search's need

            yield from run_refit(
                task,
                parameters,
                data,
                self.device,
                precision=self.precision,
                accumulate=accumulate,
                machine=self.machine,
            )
            return
        yield from run_trial(
            parameters,
            data,
            self.device,
            precision=self.precision,
            accumulate=accumulate,
            measure_above=task.measure_above,
            machine=self.machine,
        )


def run_trial(
    parameters: TrialParameters,
    data: TrialData,
    device: torch.device,
    *,
    precision: Precision = "float32",
    accumulate: int = 1,
    measure_above: float = math.inf,
    machine: "Machine | None" = None,
) -> Iterator[EpochReport | Outcome]:
    """Train a trial's folds in lockstep; yield a report per epoch and, last, the outcome.

    Its inputs' importance is measured if the trial's gain is above `measure_above`.

    Raises `model.training.Diverged` where a loss is no longer finite, MetricError where the study's
    objective has no value.
    """
    began = time.perf_counter()
    table = select_inputs(parameters, data, device)
    folds = [prepare_fold(fold, parameters, data, device) for fold in data.split.folds]
    trainer = Trainer(
        table,
        [fold.tensors for fold in folds],
        training_settings(parameters, data.code, precision, accumulate, series=data.series),
        loss=parameters.learnt_by(data.target),
        machine=machine,
    )
    h = parameters.output_shift
    judged = [
        judge(
            [paths.later(fold, step) for fold in data.split.folds],
            data.quotes,
            data.target,
            h + step,
            data.scoring,
            parameters.quantiles,
        )
        for step in range(parameters.steps)
    ]
    said: list[_Step] = []
    forecasts: list[Floats] = []  # of each fold (m,), of quantiles (m, Q), of a path (m, k)
    skill = value = gain = math.nan
    for result in trainer.run():
        forecasts = [
            fold.validation_scale.unscale(forecast)
            for fold, forecast in zip(folds, result.forecasts, strict=True)
        ]
        by_step = zip(*(paths.apart(one, parameters.steps) for one in forecasts), strict=True)
        said = [
            _Step.of(h + step, folds_, list(each), data)
            for step, (folds_, each) in enumerate(zip(judged, by_step, strict=True))
        ]
        skill, value, gain = (
            paths.mean(each)
            for each in zip(*((one.skill, one.value, one.gain) for one in said), strict=True)
        )
        yield _report(result, skill, gain, trainer.kernels)
    losses: dict[str, float] = {}
    if gain > measure_above:
        with contextlib.suppress(torch.OutOfMemoryError):  # the trial itself has its result
            losses = permutation_losses(
                trainer.networks, table, folds, judged, parameters, data.target, machine
            )
    every, levels = np.concatenate(forecasts), parameters.quantiles
    scores = [one.scores(data) for one in said]
    yield Outcome(
        skill=skill,
        gain=gain,
        metrics={data.objective.key: value}
        | paths.averaged(scores)
        | paths.by_step(scores)
        | {"skill": skill, "gain": gain},
        folds=[
            paths.averaged([one.scores_of_fold(number, data) for one in said])
            for number in range(len(folds))
        ],
        forecasts=pack(every[:, levels.index(MEDIAN)] if levels else every),
        seconds=time.perf_counter() - began,
        permutation=losses,
        quantiles=pack(every.ravel()) if levels else "",
    )


def _metrics(setup: WorkerSetup) -> tuple[tuple[metrics.Metric, ...], str]:
    """What a trial is measured by. Of the study's own those that cannot be had here, as where only
    the driver's machine has a package, are left out; the second is why, or nothing."""
    try:
        return metrics.of_study(setup.metrics, setup.code), ""
    except StudyFileError:
        found: list[str] = []
        reasons: dict[str, None] = {}
    for name in setup.metrics:
        try:
            metrics.of_study([*found, name], setup.code)
            found.append(name)
        except StudyFileError as error:
            reasons[f"{shown(name)} ({str(error).removeprefix(f'{PLACE}: ')})"] = None
    return metrics.of_study(found, setup.code), "; ".join(reasons)


def training_settings(
    parameters: TrialParameters,
    code: Mapping[str, OwnCode],
    precision: Precision,
    accumulate: int = 1,
    series: int = 1,
) -> TrainingSettings:
    """`series`: how many the table has."""
    return TrainingSettings(
        **parameters.shared(),
        cell=cells.get(parameters.cell, code),
        seed=parameters.seed,
        targets=parameters.steps,
        precision=precision,
        accumulate=accumulate,
        series=series,
    )


def _of_fan(scored: Scored) -> dict[str, float]:
    """How good the quantiles are; empty where there are none."""
    if (fan := scored.fan) is None:
        return {}
    found = crps(scored.actual, fan.values, fan.levels)
    return {"crps": found, PINBALL: pinball_skill(scored.actual, fan)}


def _report(result: EpochResult, skill: float, gain: float, kernels: str) -> EpochReport:
    return EpochReport(
        epoch=result.epoch,
        skill=skill,
        gain=gain,
        train_loss=float(np.mean(result.train_loss)),
        validation_loss=float(np.mean(result.validation_loss)),
        gradient_norm=result.gradient_norm,
        seconds=result.seconds,
        kernels=kernels,
    )


@dataclass(frozen=True, eq=False)
class _Step:
    """What a trial said of a step of the path: the parts of each fold, and what they come to."""

    folds: list[list[Part]]
    skill: float
    value: float
    gain: float

    @classmethod
    def of(
        cls, ahead: int, held: Sequence[JudgedFold], said: Sequence[Floats], data: TrialData
    ) -> Self:
        """`said` (m,) of each fold, so many sessions `ahead`. Raises MetricError."""
        folds = [one.of(forecast) for one, forecast in zip(held, said, strict=True)]
        return cls(folds, *valued(data.objective, list(chain(*folds)), ahead, data.scoring))

    def scores(self, data: TrialData) -> dict[str, float]:
        """Every metric of the validation rows of all folds together."""
        scored = together([*chain(*self.folds)])
        found = _order([*chain(*self.folds)]) | metrics.score_trial(scored, data.metrics)
        return found | _of_fan(scored) | {"skill": self.skill, "gain": self.gain}

    def scores_of_fold(self, number: int, data: TrialData) -> dict[str, float]:
        """Those of one; nothing where none of its rows is scored."""
        parts = self.folds[number]
        if not parts:
            return {}
        scores = metrics.score_trial(together(parts), data.metrics)
        return _order(parts) | scores | _mean_skill(parts)


def _order(parts: Sequence[Part]) -> dict[str, float]:
    """How well the series of a date are ordered; nothing of one series, or where they are few."""
    found = ordered(parts)
    return {} if found is None else {metrics.ORDER.key: found}


def _mean_skill(parts: Sequence[Part]) -> dict[str, float]:
    """Skill of a fold: of many series the mean over them."""
    return {"skill": OBJECTIVES["skill"].value(parts, 0)} if len(parts) > 1 else {}

"""One trial, where it is trained: parameters in, a stream of epochs and an outcome out.

Runs in a worker process. Knows no Optuna and no MLflow; all it says is plain JSON.
"""

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rnnsearch.config import Precision, Predict
from rnnsearch.data.table import InputTable, load_inputs
from rnnsearch.model.device import describe, free_memory, worker_device
from rnnsearch.model.training import Diverged, EpochResult, Loss, Trainer, TrainingSettings
from rnnsearch.model.windows import Floats, to_price
from rnnsearch.scoring import metrics
from rnnsearch.search.folds import PreparedFold, TrialData, prepare_fold, select_inputs
from rnnsearch.search.importance import permutation_losses
from rnnsearch.search.packing import pack
from rnnsearch.search.parameters import TrialParameters
from rnnsearch.search.protocol import EpochReport, Outcome, Task, WorkerSetup

ACCUMULATE = (1, 4)
"""Parts a batch is cut into: whole, and again where that did not fit in memory."""


class TrialRunner:
    """Set up once per worker process; then runs one trial after the other."""

    def __init__(self, setup: WorkerSetup) -> None:
        table = setup.table if isinstance(setup.table, InputTable) else load_inputs(setup.table)
        self.data = TrialData(table, setup.close, setup.split, setup.predict)
        self.device = worker_device(setup.device, setup.slot, setup.workers_per_device)
        self.precision = setup.precision
        self.description = describe(self.device, self.precision)

    def run(self, task: Task) -> Iterator[EpochReport | Outcome | str]:
        """Reports and the outcome, or a last word why there is none.

        A trial that does not fit in memory begins again with its batches in four parts, which
        changes the memory it needs and not its gradients.
        """
        parameters = TrialParameters.from_plain(task.parameters)
        for accumulate in ACCUMULATE:
            try:
                yield from run_trial(
                    parameters,
                    self.data,
                    self.device,
                    precision=self.precision,
                    accumulate=accumulate,
                    measure_above=task.measure_above,
                )
                return
            except Diverged as error:
                yield f"diverged: {error}"
                return
            except torch.OutOfMemoryError:
                free_memory(self.device)
        yield "out of memory, also with the batch in four parts"


def run_trial(
    parameters: TrialParameters,
    data: TrialData,
    device: torch.device,
    *,
    precision: Precision = "float32",
    accumulate: int = 1,
    measure_above: float = math.inf,
) -> Iterator[EpochReport | Outcome]:
    """Train a trial's folds in lockstep; yield a report per epoch and, last, the outcome.

    Its inputs' importance is measured if the trial's skill is above `measure_above`.

    Raises `model.training.Diverged` where a loss is no longer finite.
    """
    began = time.perf_counter()
    table = select_inputs(parameters, data, device)
    folds = [prepare_fold(fold, parameters, data, device) for fold in data.split.folds]
    trainer = Trainer(
        table,
        [fold.tensors for fold in folds],
        training_settings(parameters, precision, accumulate),
        loss=loss_of(data.predict),
    )
    forecasts: list[Floats] = []
    skill = math.nan
    for result in trainer.run():
        forecasts = [
            fold.target_scale.unscale(forecast)
            for fold, forecast in zip(folds, result.forecasts, strict=True)
        ]
        skill = _mean_skill(forecasts, folds)
        yield _report(result, skill)
    losses: dict[str, float] = {}
    if skill > measure_above:
        with contextlib.suppress(torch.OutOfMemoryError):  # the trial itself has its result
            losses = permutation_losses(trainer.networks, table, folds, parameters, data.predict)
    outcome = _outcome(forecasts, folds, skill, parameters, data, time.perf_counter() - began)
    yield replace(outcome, permutation=losses)


def training_settings(
    parameters: TrialParameters, precision: Precision, accumulate: int = 1
) -> TrainingSettings:
    return TrainingSettings(
        cell=parameters.cell,
        neurons=parameters.neurons,
        dropout=parameters.dropout,
        window=parameters.window,
        epochs=parameters.epochs,
        batch_size=parameters.batch_size,
        learning_rate=parameters.learning_rate,
        optimizer=parameters.optimizer,
        weight_decay=parameters.weight_decay,
        averaging=parameters.averaging,
        clip=parameters.clip,
        seed=parameters.seed,
        precision=precision,
        accumulate=accumulate,
    )


def loss_of(predict: Predict) -> Loss:
    """Squared error, or for a direction cross-entropy."""
    return "bce" if predict == "direction" else "mse"


def _mean_skill(forecasts: list[Floats], folds: list[PreparedFold]) -> float:
    pairs = zip(forecasts, folds, strict=True)
    return float(np.mean([metrics.skill(f.actual, forecast, f.naive) for forecast, f in pairs]))


def _report(result: EpochResult, skill: float) -> EpochReport:
    return EpochReport(
        epoch=result.epoch,
        skill=skill,
        train_loss=float(np.mean(result.train_loss)),
        validation_loss=float(np.mean(result.validation_loss)),
        gradient_norm=result.gradient_norm,
        seconds=result.seconds,
    )


def _outcome(
    forecasts: list[Floats],
    folds: list[PreparedFold],
    skill: float,
    parameters: TrialParameters,
    data: TrialData,
    seconds: float,
) -> Outcome:
    def scored(rows: NDArray[np.int64], actual: Floats, forecast: Floats, naive: Floats) -> Any:
        return _scores(data, parameters.output_shift, rows, actual, forecast, naive)

    together = scored(
        np.concatenate([v.rows for v in folds]),
        np.concatenate([v.actual for v in folds]),
        np.concatenate(forecasts),
        np.concatenate([v.naive for v in folds]),
    )
    return Outcome(
        skill=skill,
        metrics=together | {"skill": skill},
        folds=[
            scored(v.rows, v.actual, forecast, v.naive)
            for v, forecast in zip(folds, forecasts, strict=True)
        ],
        forecasts=pack(np.concatenate(forecasts)),
        seconds=seconds,
    )


def _scores(
    data: TrialData,
    horizon: int,
    rows: NDArray[np.int64],
    actual: Floats,
    forecast: Floats,
    naive: Floats,
) -> dict[str, float]:
    """Errors in the target's unit, then those of the price it means, model beside naive."""
    origin = data.close[rows - horizon]
    if data.predict == "direction":
        return {
            "skill": metrics.skill(actual, forecast, naive),
            "rmse": metrics.rmse(actual, forecast),
            "naive_rmse": metrics.rmse(actual, naive),
            "directional_accuracy": float(np.mean((forecast > 0.5) == (actual > 0.5))),
            "always_up_accuracy": float(np.mean(actual > 0.5)),
        }
    price = to_price(actual, data.close, rows, horizon, data.predict)
    price_forecast = to_price(forecast, data.close, rows, horizon, data.predict)
    return {
        "skill": metrics.skill(actual, forecast, naive),
        "rmse": metrics.rmse(actual, forecast),
        "mae": metrics.mae(actual, forecast),
        "r2": metrics.r2(actual, forecast),
        "naive_rmse": metrics.rmse(actual, naive),
        "naive_mae": metrics.mae(actual, naive),
        "directional_accuracy": metrics.directional_accuracy(
            price - origin, price_forecast - origin
        ),
        "always_up_accuracy": metrics.directional_accuracy(price - origin, np.ones_like(price)),
        "price_rmse": metrics.rmse(price, price_forecast),
        "price_mae": metrics.mae(price, price_forecast),
        "price_mape": metrics.mape(price, price_forecast),
        "price_r2": metrics.r2(price, price_forecast),
        "naive_price_rmse": metrics.rmse(price, origin),
        "naive_price_mape": metrics.mape(price, origin),
    }

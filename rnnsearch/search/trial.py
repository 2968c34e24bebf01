"""One trial, where it is trained: parameters in, a stream of epochs and an outcome out.

Runs in a worker process. Knows no Optuna and no MLflow; all it says is plain JSON.
"""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rnnsearch.config import Precision, Predict
from rnnsearch.data.table import InputTable, load_inputs
from rnnsearch.model.device import describe, free_memory, worker_device
from rnnsearch.model.scaling import Scaler, fit_scaler
from rnnsearch.model.training import (
    Diverged,
    EpochResult,
    FoldTensors,
    Loss,
    TrainingSettings,
    train,
)
from rnnsearch.model.windows import (
    Fold,
    Rows,
    Split,
    TargetScale,
    fit_target_scale,
    naive_values,
    shift_columns,
    target_values,
    to_price,
    window_ends,
)
from rnnsearch.scoring import metrics
from rnnsearch.search.packing import pack
from rnnsearch.search.parameters import TrialParameters
from rnnsearch.search.protocol import EpochReport, Outcome, WorkerSetup

Floats = NDArray[np.float64]


ACCUMULATE = (1, 4)
"""Parts a batch is cut into: whole, and again where that did not fit in memory."""


@dataclass(frozen=True)
class TrialData:
    """What all trials of a study share; close (rows,) is the target column."""

    table: InputTable
    close: Floats
    split: Split
    predict: Predict


@dataclass(frozen=True, eq=False)
class PreparedFold:
    """A fold on the device, what was fitted on its history, and what its forecasts are held to.

    rows, actual, naive: (m,) of the validation rows, in the target's unit.
    """

    tensors: FoldTensors
    scaler: Scaler
    target_scale: TargetScale
    rows: Rows
    actual: Floats
    naive: Floats


class TrialRunner:
    """Set up once per worker process; then runs one trial after the other."""

    def __init__(self, setup: WorkerSetup) -> None:
        table = setup.table if isinstance(setup.table, InputTable) else load_inputs(setup.table)
        self.data = TrialData(table, setup.close, setup.split, setup.predict)
        self.device = worker_device(setup.device, setup.slot, setup.workers_per_device)
        self.precision = setup.precision
        self.description = describe(self.device, self.precision)

    def run(self, plain: dict[str, Any]) -> Iterator[EpochReport | Outcome | str]:
        """Reports and the outcome, or a last word why there is none.

        A trial that does not fit in memory begins again with its batches in four parts, which
        changes the memory it needs and not its gradients.
        """
        parameters = TrialParameters.from_plain(plain)
        for accumulate in ACCUMULATE:
            try:
                yield from run_trial(
                    parameters,
                    self.data,
                    self.device,
                    precision=self.precision,
                    accumulate=accumulate,
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
) -> Iterator[EpochReport | Outcome]:
    """Train a trial's folds in lockstep; yield a report per epoch and, last, the outcome.

    Raises `model.training.Diverged` where a loss is no longer finite.
    """
    began = time.perf_counter()
    table = select_inputs(parameters, data, device)
    folds = [prepare_fold(fold, parameters, data, device) for fold in data.split.folds]
    settings = training_settings(parameters, precision, accumulate)
    forecasts: list[Floats] = []
    skill = float("nan")
    for result in train(table, [f.tensors for f in folds], settings, loss=loss_of(data.predict)):
        forecasts = [
            fold.target_scale.unscale(forecast)
            for fold, forecast in zip(folds, result.forecasts, strict=True)
        ]
        skill = _mean_skill(forecasts, folds)
        yield _report(result, skill)
    yield _outcome(forecasts, folds, skill, parameters, data, time.perf_counter() - began)


def select_inputs(
    parameters: TrialParameters, data: TrialData, device: torch.device
) -> torch.Tensor:  # (rows, F) float32
    """The trial's inputs on the device, delayed by what their shifts differ; see `prepare_fold`.

    With all inputs of the table and one shift this is the table itself, which all workers share.
    """
    columns, shifts = _columns(parameters, data.table)
    beyond = [shift - min(shifts) for shift in shifts]
    values = np.asarray(data.table.values)
    if any(beyond) or columns != list(range(values.shape[1])):
        values = shift_columns(values, beyond, columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the table is read-only, and only read
        return torch.from_numpy(values).to(device)


def shifted_inputs(parameters: TrialParameters, table: InputTable) -> NDArray[np.float32]:
    """The trial's inputs (rows, F), each delayed by its input shift."""
    columns, shifts = _columns(parameters, table)
    return shift_columns(table.values, shifts, columns)


def _columns(parameters: TrialParameters, table: InputTable) -> tuple[list[int], tuple[int, ...]]:
    """The numbers of the trial's columns in the table, and their shifts."""
    columns = table.columns(parameters.inputs).tolist()
    return columns, parameters.shifts([table.specs[column].family for column in columns])


def prepare_fold(
    fold: Fold, parameters: TrialParameters, data: TrialData, device: torch.device
) -> PreparedFold:
    """Fit what is fitted on the fold's history, and put the fold's rows on the device.

    The windows end as many rows before their origins as all inputs are shifted by at least.
    """
    horizon = parameters.output_shift
    columns, shifts = _columns(parameters, data.table)
    scaler = fit_scaler(parameters.scaler, data.table.values[fold.history], columns)
    train_y = target_values(data.close, fold.train, horizon, data.predict)
    actual = target_values(data.close, fold.validation, horizon, data.predict)
    scale = fit_target_scale(data.predict, train_y)

    def tensor(array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    tensors = FoldTensors(
        scale=tensor(scaler.scale),
        offset=tensor(scaler.offset),
        train_ends=tensor(window_ends(fold.train, horizon) - min(shifts)),
        train_targets=tensor(scale.scale_values(train_y)),
        validation_ends=tensor(window_ends(fold.validation, horizon) - min(shifts)),
        validation_targets=tensor(scale.scale_values(actual)),
    )
    naive = naive_values(data.close, fold.validation, horizon, data.predict, fold.train)
    return PreparedFold(tensors, scaler, scale, fold.validation, actual, naive)


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
        "always_up_accuracy": float(np.mean(price > origin)),
        "price_rmse": metrics.rmse(price, price_forecast),
        "price_mae": metrics.mae(price, price_forecast),
        "price_mape": metrics.mape(price, price_forecast),
        "price_r2": metrics.r2(price, price_forecast),
        "naive_price_rmse": metrics.rmse(price, origin),
        "naive_price_mape": metrics.mape(price, origin),
    }

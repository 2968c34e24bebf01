"""The rows of a trial: its inputs on the device, its folds scaled, what forecasts are held to."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rnnsearch import targets
from rnnsearch.arrays import Floats, Rows
from rnnsearch.config import Predict
from rnnsearch.data.inputs.table import InputTable
from rnnsearch.model.fold import FoldTensors
from rnnsearch.model.scaling import Scaler, fit_scaler
from rnnsearch.model.windows import Fold, Split, shift_columns, window_ends
from rnnsearch.own_code import OwnCode
from rnnsearch.scoring.metrics import Metric
from rnnsearch.scoring.objectives import OBJECTIVES, Objective
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.targets import Quotes, RowScale, Target, TargetScale


@dataclass(frozen=True)
class TrialData:
    """What all trials of a study share; see `targets.SCORING` and `StudyFile.code`.

    formulation  of its study (`Target.formulation`); None for the newest
    """

    table: InputTable
    quotes: Quotes
    split: Split
    predict: Predict
    scoring: int = targets.SCORING
    code: Mapping[str, OwnCode] = field(default_factory=dict)
    formulation: int | None = None
    metrics: tuple[Metric, ...] | None = None  # all that are installed, where None
    objective: Objective = OBJECTIVES["skill"]

    @property
    def target(self) -> Target:
        return targets.get(self.predict)


@dataclass(frozen=True, eq=False)
class PreparedFold:
    """A fold on the device, what was fitted on its history, and what its forecasts are held to.

    rows, actual: (m,) of the validation rows, in the target's unit. `naive` are the naive forecasts
    (m,) by name, `hardest` is the one that forecasts are held to.
    """

    tensors: FoldTensors
    scaler: Scaler
    target_scale: TargetScale
    validation_scale: RowScale
    rows: Rows
    actual: Floats
    naive: dict[str, Floats]
    hardest: Floats


def select_inputs(
    parameters: TrialParameters, data: TrialData, device: torch.device
) -> torch.Tensor:  # (rows, F) float32
    """The trial's inputs on the device, delayed by what their shifts differ; see `prepare_fold`.

    With all inputs of the table and one shift this is the table itself, which all workers share.
    """
    moved = _Moved.of(parameters, data.table)
    beyond = [0 if lead else shift - moved.least for shift, lead in moved.pairs]
    leads = [lead and lead + moved.least for lead in moved.leads]
    values = np.asarray(data.table.values)
    if any(beyond) or any(leads) or moved.columns != list(range(values.shape[1])):
        values = shift_columns(values, beyond, moved.columns, leads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the table is read-only, and only read
        return torch.from_numpy(values).to(device)


def shifted_inputs(parameters: TrialParameters, table: InputTable) -> NDArray[np.float32]:
    """The trial's inputs (rows, F), each moved so that its window ends at the origin."""
    moved = _Moved.of(parameters, table)
    return shift_columns(table.values, moved.shifts, moved.columns, moved.leads)


@dataclass(frozen=True)
class _Moved:
    """The numbers of a trial's columns in the table, and how each is moved; see `shift_columns`."""

    columns: list[int]
    shifts: tuple[int, ...]
    leads: tuple[int, ...]

    @classmethod
    def of(cls, parameters: TrialParameters, table: InputTable) -> "_Moved":
        columns = table.columns(parameters.inputs).tolist()
        specs = [table.specs[column] for column in columns]
        return cls(columns, parameters.shifts(specs), parameters.leads(specs))

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return list(zip(self.shifts, self.leads, strict=True))

    @property
    def least(self) -> int:
        """By which all inputs are delayed that are not known ahead."""
        return min((shift for shift, lead in self.pairs if not lead), default=0)


def prepare_fold(
    fold: Fold, parameters: TrialParameters, data: TrialData, device: torch.device
) -> PreparedFold:
    """Fit what is fitted on the fold's history, and put the fold's rows on the device.

    The windows end as many rows before their origins as all inputs are shifted by at least.
    """
    horizon = parameters.output_shift
    moved = _Moved.of(parameters, data.table)
    scaler = fit_scaler(parameters.scaler, data.table.values[fold.history], moved.columns)
    target, quotes = data.target, data.quotes
    train_y = target.values(quotes.target, fold.train, horizon)
    actual = target.values(quotes.target, fold.validation, horizon)
    formulation = target.formulation if data.formulation is None else data.formulation
    scale = target.taught(quotes, fold.train, horizon, formulation)
    train_scale, later_scale = (
        scale.at(quotes, rows - horizon) for rows in (fold.train, fold.validation)
    )

    def tensor(array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    tensors = FoldTensors(
        scale=tensor(scaler.scale),
        offset=tensor(scaler.offset),
        train_ends=tensor(window_ends(fold.train, horizon) - moved.least),
        train_targets=tensor(train_scale.scale_values(train_y)),
        validation_ends=tensor(window_ends(fold.validation, horizon) - moved.least),
        validation_targets=tensor(later_scale.scale_values(actual)),
    )
    naive = targets.naive_forecasts(
        target, quotes, fold.validation, horizon, fold.train, data.scoring
    )
    hardest = naive[targets.hardest_of_folds([actual], [naive])]
    return PreparedFold(
        tensors, scaler, scale, later_scale, fold.validation, actual, naive, hardest
    )


def held_to_one(folds: Sequence[PreparedFold]) -> list[PreparedFold]:
    """The folds of a trial, all held to the naive forecast that is hardest over all of them."""
    name = targets.hardest_of_folds([f.actual for f in folds], [f.naive for f in folds])
    return [replace(fold, hardest=fold.naive[name]) for fold in folds]

"""One refit, where it is trained: rows to learn from in, forecasts of later rows out.

Nothing here scores a forecast: the rows that are told may be locked ones.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load, save

from rnnsearch.arrays import Floats, Rows
from rnnsearch.config import Precision
from rnnsearch.data.inputs.table import InputTable
from rnnsearch.errors import StudyFileError
from rnnsearch.model.losses import MEDIAN
from rnnsearch.model.networks.network import Network
from rnnsearch.model.training import Diverged, Trainer, forecast
from rnnsearch.model.windows import Fold
from rnnsearch.scoring import baselines
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.search.trial.folds import (
    PreparedFold,
    TrialData,
    prepare_fold,
    select_inputs,
    shifted_inputs,
)
from rnnsearch.search.trial.packing import pack
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import (
    BaselineRefit,
    EpochReport,
    NetworkRefit,
    Refit,
    Refitted,
)
from rnnsearch.search.trial.runner import training_settings
from rnnsearch.targets import Quotes, Target, TargetScale

if TYPE_CHECKING:
    from rnnsearch.model.kernels.program import Machine


def run_refit(
    task: Refit,
    parameters: TrialParameters,
    data: TrialData,
    device: torch.device,
    *,
    precision: Precision = "float32",
    accumulate: int = 1,
    machine: "Machine | None" = None,
) -> Iterator[EpochReport | Refitted | str]:
    """A report per epoch of a network, and, last, what it says; or why there is nothing.

    Raises `model.training.Diverged` for a network that has no weights to stay with.
    """
    match task:
        case NetworkRefit():
            yield from _network(task, parameters, data, device, precision, accumulate, machine)
        case BaselineRefit():
            yield _baseline(task, parameters, data)
        case _:
            raise TypeError(f"{type(task).__name__} is no refit that a worker knows")


def baseline_task(
    table: InputTable,
    quotes: Quotes,
    target: Target,
    parameters: TrialParameters,
    fold: Fold,
    rows: Rows,
    taught: TargetScale,
) -> baselines.Task:
    """What baselines are asked of the target rows `rows` (m,), fitted on the rows of the fold.

    Those that learn from windows learn what the champion was `taught` on the same rows.
    """
    h, origin = parameters.output_shift, quotes.target[rows - parameters.output_shift]
    scales = None
    if taught.start != "none":
        learnt, said = (taught.at(quotes, some - h) for some in (fold.train, rows))
        scales = (lambda y: learnt.scale_values(y).astype(np.float64)), said.unscale
    return baselines.Task(
        prices=quotes.target,
        closes=quotes.close if target.log_volatility else None,
        history=fold.history,
        inputs=shifted_inputs(parameters, table),
        window=parameters.window,
        horizon=h,
        train_rows=fold.train,
        train_targets=target.values(quotes.target, fold.train, h),
        test_rows=rows,
        probability=target.chance,
        from_growth=(lambda growth: target.from_growth(growth, origin)) if target.priced else None,
        scales=scales,
    )


def _fold(task: Refit) -> Fold:
    train, told = (np.arange(*ends, dtype=np.int64) for ends in (task.train, task.told))
    return Fold(train, told, slice(*task.history))


def _network(
    task: NetworkRefit,
    parameters: TrialParameters,
    data: TrialData,
    device: torch.device,
    precision: Precision,
    accumulate: int,
    machine: "Machine | None",
) -> Iterator[EpochReport | Refitted]:
    began = time.perf_counter()
    table = select_inputs(parameters, data, device)
    fold = prepare_fold(_fold(task), parameters, data, device)
    settings = training_settings(parameters, data.code, precision, accumulate)
    weights = load(task.weights) if task.weights else None
    # Training sees no row that is told: whether it diverged must not hang on them.
    tensors, none = fold.tensors, fold.tensors.validation_ends[:0]
    alone = replace(tensors, validation_ends=none, validation_targets=none.float())
    if weights is not None:
        alone = replace(
            alone,
            train_ends=tensors.train_ends[-task.newest :],
            train_targets=tensors.train_targets[-task.newest :],
        )
    trainer = Trainer(
        table,
        [alone],
        settings,
        loss=parameters.learnt_by(data.target),
        machine=machine,
        weights=weights,
    )
    try:
        for result in trainer.run():
            yield EpochReport(
                epoch=result.epoch,
                skill=math.nan,
                gain=math.nan,
                train_loss=result.train_loss[0],
                validation_loss=math.nan,
                gradient_norm=result.gradient_norm,
                seconds=result.seconds,
                kernels=trainer.kernels,
            )
        (network,) = trainer.networks
        if not all(bool(values.isfinite().all()) for values in network.parameters()):
            raise Diverged("a weight is not a finite number after the last epoch")
    except Diverged:
        if weights is None:
            raise
        # What a user would have: the weights that there are.
        network = trainer.begin()
    kept = {name: values.cpu().contiguous() for name, values in network.state_dict().items()}
    said = _said(network, table, fold, parameters, data.target)
    levels = parameters.quantiles
    yield Refitted(
        forecasts=pack(said[:, levels.index(MEDIAN)] if levels else said),
        quantiles=pack(said.ravel()) if levels else "",
        seconds=time.perf_counter() - began,
        weights=save(kept) if task.kept else b"",
    )


def _said(
    network: Network,
    table: torch.Tensor,
    fold: PreparedFold,
    parameters: TrialParameters,
    target: Target,
) -> Floats:  # (m,), or (m, Q)
    tensors = fold.tensors
    outputs = forecast(
        network,
        table,
        tensors.validation_ends,
        window=parameters.window,
        scale=tensors.scale,
        offset=tensors.offset,
        starts=tensors.starts,
    )
    return fold.validation_scale.unscale(target.squash(outputs).cpu().numpy())


def _baseline(task: BaselineRefit, parameters: TrialParameters, data: TrialData) -> Refitted | str:
    try:
        known = baselines.of_study(task.own, data.code)
    except StudyFileError as error:  # a package that only the driver's machine has
        return str(error)
    chosen = [one for one in known if one.name == task.baseline]
    if not chosen:
        return f"{task.baseline} is not installed where it was to be fitted"
    fold, target, quotes = _fold(task), data.target, data.quotes
    formulation = target.formulation if data.formulation is None else data.formulation
    taught = target.taught(quotes, fold.train, parameters.output_shift, formulation)
    asked = baseline_task(data.table, quotes, target, parameters, fold, fold.validation, taught)
    found = baselines.run(asked, lambda _: None, chosen).get(task.baseline)
    if found is None:
        return NOT_FOR_IT
    if isinstance(found, Skipped):
        return found.reason
    return Refitted(forecasts=pack(found.forecast), seconds=found.seconds, chosen=found.chosen)


NOT_FOR_IT = "does not forecast such a target"

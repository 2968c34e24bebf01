"""Permutation importance: how much skill a trial loses when one of its inputs is shuffled.

Measured on validation rows, by networks that had not seen them: what helps there helps, and is not
only used. Never on the test: inputs chosen by it would have seen it.

Breiman 2001, Random forests, section 10.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rnnsearch.arrays import Floats
from rnnsearch.model.networks.network import Network
from rnnsearch.model.paths import apart
from rnnsearch.model.training import windows
from rnnsearch.scoring import metrics
from rnnsearch.scoring.parts import together
from rnnsearch.search.trial.folds import PreparedFold
from rnnsearch.search.trial.judging import JudgedFold
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.targets import RowScale, Target

if TYPE_CHECKING:
    from rnnsearch.model.kernels.program import Machine

MOST_ROWS, FEWEST_ROWS = 300, 50  # of a fold, evenly spread: every input costs a forecast of them
MOST_EPOCHS = 10  # whose training rows are as many as all that is forecast: much less than hung


def permutation_losses(
    networks: Sequence[Network],  # one per fold
    table: Tensor,  # (rows, F)
    folds: Sequence[PreparedFold],
    judged: Sequence[Sequence[JudgedFold]],  # of each step the folds
    parameters: TrialParameters,
    target: Target,
    machine: "Machine | None" = None,
) -> dict[str, float]:
    """Input -> skill lost, mean over folds; empty where there are too many inputs for that.

    A window is dealt another row's values of the input, at all its lags together. Around 0 or
    below: nothing is lost without it. Inputs that say the same stand in for each other.
    """
    rows = MOST_EPOCHS * min(len(f.tensors.train_ends) for f in folds) // len(parameters.inputs)
    if rows < FEWEST_ROWS:
        return {}
    most, count = min(rows, MOST_ROWS), len(parameters.inputs)
    losses = [
        _fold_losses(*each, table, parameters.window, target, most, count, machine)
        for each in zip(networks, folds, zip(*judged, strict=True), strict=True)
        if each[2][0].parts
    ]
    return dict(zip(parameters.inputs, np.mean(losses, axis=0).tolist(), strict=True))


@torch.inference_mode()
def _fold_losses(
    network: Network,
    fold: PreparedFold,
    judged: Sequence[JudgedFold],  # of each step
    table: Tensor,
    window: int,
    target: Target,
    most: int,
    count: int,
    machine: "Machine | None",
) -> Floats:  # (F,)
    tensors, steps = fold.tensors, [together(step.parts) for step in judged]
    places = np.concatenate([np.arange(p.start, p.stop) for p in judged[0].places])
    some = slice(None, None, math.ceil(len(places) / most))
    chosen = places[some]
    ends = tensors.validation_ends[torch.from_numpy(chosen).to(table.device)]
    x = windows(table, ends, window, tensors.scale, tensors.offset, tensors.starts)  # (m, w, F)
    forecast_of = _forecaster(network, machine, x)
    scale = RowScale(fold.validation_scale.middle[chosen], fold.validation_scale.unit[chosen])
    # Of many series, so that each counts alike: in the units of what the network says.
    unit = scale.unit if tensors.starts is not None else np.ones(len(chosen))
    held = [(step.actual[some] / unit, step.hardest[some] / unit) for step in steps]

    def skill(x: Tensor) -> float:
        outputs = target.squash(network.points(forecast_of(x)))
        said = apart(scale.unscale(outputs.cpu().numpy()), len(steps))
        skills = [
            metrics.skill(actual, forecast / unit, hardest)
            for (actual, hardest), forecast in zip(held, said, strict=True)
        ]
        return float(np.mean(skills))

    whole = skill(x)
    order = torch.randperm(len(ends), generator=torch.Generator().manual_seed(0)).to(x.device)
    losses = np.zeros(count)
    for column in range(count):  # beside them may stand whose the window is
        shuffled = x.clone()
        shuffled[:, :, column] = x[order, :, column]
        losses[column] = whole - skill(shuffled)
    return losses


def _forecaster(
    network: Network, machine: "Machine | None", like: Tensor
) -> Callable[[Tensor], Tensor]:
    """What forecasts windows of the shape of `like`."""
    if machine is None:
        return network.eval()
    from rnnsearch.model.kernels.training import outputs_of  # with LLVM, which not all need

    return outputs_of(network, machine, like)

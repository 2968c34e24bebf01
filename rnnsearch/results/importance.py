"""Permutation importance: how much skill is lost when one input is shuffled.

Measured on validation rows, by networks of the winner's folds that had not seen them: what helps
there helps, and is not only used. Never on the test: inputs chosen by it would have seen it.

Breiman 2001, Random forests, section 10.
"""

import math

import numpy as np
import torch
from torch import Tensor

from rnnsearch.model.device import worker_device
from rnnsearch.model.networks import Network
from rnnsearch.model.training import Diverged, windows
from rnnsearch.results.champion import Candidate, Floats
from rnnsearch.results.refit import train_networks
from rnnsearch.scoring import metrics
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial import PreparedFold, TrialData, prepare_fold, select_inputs

REPEATS = 3
MOST_ROWS = 300  # of a fold, evenly spread: every input costs a forecast of them all


def permutation_losses(problem: Problem, candidate: Candidate) -> dict[str, float]:
    """Input -> mean skill lost over folds and repeats; empty if the networks diverge this time.

    A window is dealt another row's values of the input, at all its lags together. Around 0 or
    below: nothing is lost without it. Inputs that say the same stand in for each other.
    """
    parameters, study = candidate.parameters, problem.study
    device = worker_device(study.run.device, 0, 1)
    data = TrialData(problem.table, problem.prices.close, problem.split, study.data.predict)
    table = select_inputs(parameters, data, device)
    folds = [prepare_fold(fold, parameters, data, device) for fold in problem.split.folds]
    try:
        networks = train_networks(problem, table, [fold.tensors for fold in folds], parameters)
    except Diverged:  # on another device than the trial's
        return {}
    losses = [
        _fold_losses(network, table, fold, parameters.window, study.data.predict == "direction")
        for network, fold in zip(networks, folds, strict=True)
    ]
    return dict(zip(parameters.inputs, np.mean(losses, axis=0).tolist(), strict=True))


@torch.inference_mode()
def _fold_losses(
    network: Network, table: Tensor, fold: PreparedFold, window: int, direction: bool
) -> Floats:  # (F,)
    tensors = fold.tensors
    some = slice(None, None, math.ceil(len(fold.rows) / MOST_ROWS))
    ends = tensors.validation_ends[some]
    x = windows(table, ends, window, tensors.scale, tensors.offset)  # (m, w, F)

    def skill(x: Tensor) -> float:
        outputs = torch.sigmoid(network(x)) if direction else network(x)
        forecast = fold.target_scale.unscale(outputs.cpu().numpy())
        return metrics.skill(fold.actual[some], forecast, fold.naive[some])

    whole, generator = skill(x), torch.Generator().manual_seed(0)
    losses = np.zeros(x.shape[2])
    for _ in range(REPEATS):
        order = torch.randperm(len(ends), generator=generator).to(x.device)
        for column in range(x.shape[2]):
            shuffled = x.clone()
            shuffled[:, :, column] = x[order, :, column]
            losses[column] += (whole - skill(shuffled)) / REPEATS
    return losses

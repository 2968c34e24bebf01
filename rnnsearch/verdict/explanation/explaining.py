"""How far back the champion looks, and why gates help: on validation rows, the test stays shut.

The champion's configuration is trained once more on the training rows of the last fold, and beside
it a plain RNN, an LSTM and a GRU with all else alike. What each session and input of a window does
to a forecast is measured on that fold's validation rows, which none of them has seen. Of the newest
rows only the inputs of the champion's next forecast are looked at: its gates are shown for them.

    w  window, the oldest session first      F  inputs      m  validation rows

Study attribute: `explanation`, the last one, which the page shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rnnsearch import cells
from rnnsearch.arrays import Floats
from rnnsearch.config import StudyFile, kernels_folder
from rnnsearch.errors import RnnsearchError, StorageError, StudyFileError
from rnnsearch.language import _, in_english
from rnnsearch.model import paths
from rnnsearch.model.device import worker_device
from rnnsearch.model.kernels.cache import kernels_for
from rnnsearch.model.looking import gradients, incompleteness, integrated_gradients
from rnnsearch.model.losses import MEDIAN
from rnnsearch.model.networks.gates import LayerGates, gates, singular_values
from rnnsearch.model.networks.network import Network
from rnnsearch.model.training import Diverged, windows
from rnnsearch.model.training import forecast as network_outputs
from rnnsearch.own_code import OwnCodeError
from rnnsearch.scoring import metrics
from rnnsearch.scoring.parts import together
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.folds import PreparedFold, TrialData, prepare_fold, select_inputs
from rnnsearch.search.trial.judging import judge
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.shown import day
from rnnsearch.verdict.answers import EXPLANATION
from rnnsearch.verdict.champion import Say, best_trials
from rnnsearch.verdict.explanation import words
from rnnsearch.verdict.plain import as_json
from rnnsearch.verdict.refit import train
from rnnsearch.verdict.renewal import answer_of, as_searched, evaluated_champion, newest_weights

BESIDE = ("rnn", "lstm", "gru")
MOST_ROWS = 500
"""Validation rows that are looked at, evenly spread: each costs a gradient for every step."""


def explain(study: StudyFile, *, say: Say) -> dict[str, Any]:
    """How far back the study's champion looks, beside other cells; plain JSON.

    Before `evaluate` it is the best trial. Keys: study, trial, cell, inputs, window, evaluated,
    rows, first, last (validation rows looked at), attribution and gradient (w, F: mean sizes of
    what a number adds to a forecast, and of the gradient by it), incompleteness (see
    `model.looking`), reach (half, nine_tenths: newest sessions that hold so much of the
    attribution), cells (of each: cell, skill, norm (w,) of the gradient, faded: that of the oldest
    session over the largest, singular: the largest singular value of each recurrent matrix), gates
    (origin, layers; or reason), notes, sentence.

    Raises NoTrialError without a complete trial, RnnsearchError where the champion diverges,
    StudyFileError for one network of many series.
    """
    if study.data.pool:
        raise StudyFileError(
            f"{study.name}: what is explained is a network of one series, and [data] pool trains "
            "one for all; search one of them in a study of its own, without pool"
        )
    store = Store(study, create=False)
    with storage_errors(store.url):
        problem = as_searched(study, store)
        answer = answer_of(store, study)
        if answer is None:
            best = best_trials(store, 1)[0]
            number, parameters = best.number, best.parameters
        else:
            number = answer["champion"]["trial"]
            parameters = TrialParameters.from_plain(answer["champion"]["params"])
        data = TrialData(
            problem.table,
            problem.prices.quotes,
            problem.split,
            study.data.predict,
            scoring=store.scoring,
            code=study.code,
            formulation=store.formulation,
        )
    looks, notes = _looks(problem, data, parameters, say)
    own = looks[parameters.cell]
    added = own.attribution.mean(axis=0)  # (w, F)
    told = {
        "study": study.name,
        "trial": number,
        "cell": parameters.cell,
        "inputs": list(parameters.inputs),
        "window": parameters.window,
        "evaluated": answer is not None,
        "rows": len(own.rows),
        "first": day(problem.prices.dates[own.rows[0]]),
        "last": day(problem.prices.dates[own.rows[-1]]),
        "attribution": added,
        "gradient": np.abs(own.gradient).mean(axis=0),
        "incompleteness": own.incompleteness,
        "reach": reach(added.sum(axis=1)),
        "cells": [look.plain() for look in looks.values()],
        "gates": _newest_gates(study, problem, answer, own),
        "notes": notes,
    }
    with in_english():  # it is kept
        told["sentence"] = words.sentence(told)
    plain: dict[str, Any] = as_json(_rounded(told))
    with storage_errors(store.url):
        store.note(EXPLANATION, plain)
    return plain


def reach(by_session: Floats) -> dict[str, int]:
    """How many of the newest sessions hold half, and nine tenths, of (w,) the oldest first."""
    held = np.cumsum(by_session[::-1])
    whole = float(held[-1])
    if whole <= 0:
        return {"half": 0, "nine_tenths": 0}
    shares = held / whole
    return {
        name: int(np.argmax(shares >= share - 1e-9)) + 1
        for name, share in (("half", 0.5), ("nine_tenths", 0.9))
    }


@dataclass(frozen=True, eq=False)
class _Look:
    """One network, and what moves its forecasts of the rows (m,) looked at."""

    cell: str
    network: Network
    windows: Tensor  # (m, w, F) scaled
    rows: np.ndarray
    skill: float
    gradient: Floats  # (m, w, F)
    attribution: Floats  # (m, w, F) sizes; empty of those beside the champion
    incompleteness: float

    @property
    def norm(self) -> Floats:
        """(w,) mean over the rows of the gradient's norm over the inputs of a session."""
        return np.asarray(np.linalg.norm(self.gradient, axis=2).mean(axis=0), dtype=np.float64)

    def plain(self) -> dict[str, Any]:
        norm = self.norm
        most = float(norm.max())
        return {
            "cell": self.cell,
            "skill": self.skill,
            "norm": norm,
            "faded": float(norm[0]) / most if most > 0 else None,
            "singular": dict(singular_values(self.network)),
        }


class _Median(nn.Module):
    """Of a network that says quantiles, the one in the middle."""

    def __init__(self, network: Network, place: int) -> None:
        super().__init__()
        self.network, self.place = network, place

    def forward(self, x: Tensor) -> Tensor:  # (B, w, F) -> (B,)
        outputs: Tensor = self.network(x)
        return outputs[:, self.place]


def _looks(
    problem: Problem, data: TrialData, parameters: TrialParameters, say: Say
) -> tuple[dict[str, _Look], list[str]]:
    """Cell -> look, the champion's first; a note for each that could not be trained."""
    study = problem.study
    device = worker_device(study.run.device, 0, 1)
    machine = kernels_for(study.run.kernels, device, kernels_folder(), say)
    table = select_inputs(parameters, data, device)
    fold = prepare_fold(problem.split.folds[-1], parameters, data, device)
    none = fold.tensors.validation_ends[:0]
    alone = replace(fold.tensors, validation_ends=none, validation_targets=none.float())
    looks: dict[str, _Look] = {}
    notes = []
    for name in dict.fromkeys((parameters.cell, *BESIDE)):
        say(
            _(
                "training {cell} on {rows:,} rows",
                cell=cells.label(name),
                rows=len(alone.train_ends),
            )
        )
        try:
            network = train(problem, table, alone, replace(parameters, cell=name), machine)
        except (Diverged, OwnCodeError) as error:
            if name == parameters.cell:
                raise RnnsearchError(
                    f"{study.name}: the champion's configuration did not train on the last fold "
                    f"({error}); run `rnnsearch search` on, for another one"
                ) from None
            notes.append(words.UNTRAINED.format(cell=cells.label(name), error=error))
            continue
        # On the CPU: cuDNN gives no gradients of networks that are not in training.
        looks[name] = _look(name, network.cpu(), table.cpu(), fold, parameters, data)
    return looks, notes


def _look(
    name: str,
    network: Network,
    table: Tensor,
    fold: PreparedFold,
    parameters: TrialParameters,
    data: TrialData,
) -> _Look:
    ends = fold.tensors.validation_ends.cpu()
    scale, offset = fold.tensors.scale.cpu(), fold.tensors.offset.cpu()
    some = slice(None, None, -(-len(ends) // MOST_ROWS))
    levels = parameters.quantiles
    said: nn.Module = _Median(network, levels.index(MEDIAN)) if levels else network
    outputs = network_outputs(
        network, table, ends, window=parameters.window, scale=scale, offset=offset
    )
    outputs = outputs[:, levels.index(MEDIAN)] if levels else outputs
    forecast = fold.validation_scale.unscale(data.target.squash(outputs).numpy())
    rows = data.split.folds[-1].validation
    x = windows(table, ends[some], parameters.window, scale, offset)
    attribution, gap = torch.zeros((0, *x.shape[1:])), 0.0
    if name == parameters.cell:
        learnt = windows(table, fold.tensors.train_ends.cpu(), parameters.window, scale, offset)
        start = learnt.mean(dim=(0, 1))  # (F,)
        attribution = integrated_gradients(said, x, start)
        gap = incompleteness(said, x, start, attribution)
    return _Look(
        cell=name,
        network=network,
        windows=x,
        rows=rows[some],
        skill=_skill(forecast, parameters, data),
        gradient=gradients(said, x).double().numpy(),
        attribution=attribution.abs().double().numpy(),
        incompleteness=gap,
    )


def _skill(forecast: Floats, parameters: TrialParameters, data: TrialData) -> float:
    """Of the last fold's validation rows (m,); of paths (m, k) the mean over the steps."""
    last, h, skills = data.split.folds[-1], parameters.output_shift, []
    for step, said in enumerate(paths.apart(forecast, parameters.steps)):
        (held,) = judge([paths.later(last, step)], data.quotes, data.target, h + step, data.scoring)
        judged = together(held.of(said))
        skills.append(metrics.skill(judged.actual, judged.forecast, judged.hardest))
    return float(np.mean(skills))


def _newest_gates(
    study: StudyFile, problem: Problem, answer: dict[str, Any] | None, own: _Look
) -> dict[str, Any]:
    """The gates of the champion's next forecast, means over its networks; or why there are none.

    Before there is a champion: of the newest validation row.
    """
    networks: Sequence[Network] = (own.network,)
    x, row = own.windows[-1:], int(own.rows[-1])
    of = words.NEWEST_ROW
    if answer is not None:
        try:
            identity = answer["champion"]["identity"]
            champion = newest_weights(study, identity) or evaluated_champion(study, answer)
        except StorageError:
            of = words.WITHOUT_CHAMPION
        else:
            newest = len(problem.prices.dates) - 1
            shown = champion.window(champion.table(problem.prices), newest)
            if bool(shown.isfinite().all()):
                networks, row, x = champion.networks, newest, shown
                of = words.NEXT_FORECAST
            else:
                of = words.NOT_KNOWN_AHEAD
    layers = list(_averaged([gates(network.cpu(), x.cpu()) for network in networks]))
    if not layers:
        return {"reason": words.UNKNOWN_GATES.format(cell=cells.label(own.cell))}
    return {"of": of, "origin": day(problem.prices.dates[row]), "layers": layers}


def _averaged(found: Sequence[Sequence[LayerGates]]) -> Iterator[dict[str, Any]]:
    for alike in zip(*found, strict=True):
        first = alike[0]
        yield {
            "layer": first.layer,
            "backward": first.backward,
            "gates": {
                name: np.mean([layer.gates[name] for layer in alike], axis=0)
                for name in first.gates
            },
            "state": np.mean([layer.state for layer in alike], axis=0),
        }


def _rounded(value: Any) -> Any:
    """Five digits: a page and a store need no more."""
    if isinstance(value, np.ndarray):
        return [_rounded(one) for one in value.tolist()]
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return value

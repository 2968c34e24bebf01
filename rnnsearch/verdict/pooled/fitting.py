"""The champion of many series: networks trained on the rows of all, and what is each one's own."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.model.forecasting.bands import Moves
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.forecasting.history import History
from rnnsearch.model.forecasting.pooled import OfSeries, PooledForecaster
from rnnsearch.model.forecasting.spec import ForecasterSpec
from rnnsearch.model.windows import MIN_VALIDATION, Fold
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.verdict.champion import Candidate, Say, seeds_of
from rnnsearch.verdict.refit import code_of, identity, spec_of, told_of_training, trained_networks

NOTHING = (np.empty(0), np.empty(0))


def refit_pool(
    problem: Problem, candidate: Candidate, seeds: int, say: Say
) -> PooledForecaster | None:
    """Train the candidate on every row before the locked test, once per seed; see `refit.refit`."""
    parameters = candidate.parameters
    return fit_pool(
        problem,
        problem.split.refit,
        parameters,
        seeds_of(parameters, seeds),
        formulation=candidate.formulation,
        spec=replace(
            pooled_spec(problem, parameters, candidate.trial.number),
            identity=identity(problem, candidate, seeds),
        ),
        errors=validation_errors(problem, candidate),
        say=say,
    )


def pooled_spec(problem: Problem, parameters: TrialParameters, trial: int) -> ForecasterSpec:
    """What the forecaster is, but for how it was trained; of prices of one series."""
    spec = spec_of(problem, parameters, trial)
    data = spec.data | {"series": [], "layout": "auto", "skip_bad": False}
    return replace(spec, data=data, series=problem.series, embedding=parameters.embedding)


def validation_errors(problem: Problem, candidate: Candidate) -> dict[int, tuple[Floats, Floats]]:
    """By the number of the series: errors on its validation rows, and the usual moves then."""
    panel, h = problem.panel, candidate.parameters.output_shift
    assert panel is not None
    said: Floats = np.mean(candidate.forecasts, axis=0)
    found: dict[int, list[tuple[Floats, Floats]]] = {}
    begin = 0
    for fold in problem.split.folds:
        for part in fold.parts:
            forecast = said[begin : begin + len(part.validation)]
            begin += len(part.validation)
            if not len(forecast):
                continue
            closes = problem.prices.close
            actual = problem.target.values(closes, part.validation, h)
            known = closes[part.begins : part.history.stop]
            end = int(panel.begins[part.series + 1])
            usual = Moves.fit(known, problem.target).at(closes[part.begins : end])
            scales = usual[part.validation - h - part.begins]
            found.setdefault(part.series, []).append((forecast - actual, scales))
    return {
        number: (np.concatenate([e for e, _ in own]), np.concatenate([s for _, s in own]))
        for number, own in found.items()
    }


def fit_pool(
    problem: Problem,
    fold: Fold,
    parameters: TrialParameters,
    seeds: Sequence[int],
    *,
    formulation: int | None,
    spec: ForecasterSpec,
    errors: dict[int, tuple[Floats, Floats]],
    say: Say,
) -> PooledForecaster | None:
    """Train a configuration on the rows of a fold of many series; see `refit.fit`.

    `errors` and their scales by the number of the series; one with hardly any has those of all,
    beside their usual moves.
    """
    panel = problem.panel
    assert panel is not None
    trained = trained_networks(problem, fold, parameters, seeds, formulation, say)
    if trained is None:
        return None
    device, prepared, networks = trained
    names, dates, closes = panel.series, problem.prices.dates, problem.prices.close
    columns = problem.table.columns(parameters.inputs)
    series = {}
    ratios = np.concatenate([NOTHING[0], *(e[s > 0] / s[s > 0] for e, s in errors.values())])
    for part in fold.parts:
        seen = np.asarray(problem.table.values[part.history])[:, columns]
        rows = slice(part.begins, part.history.stop)
        own_errors, own_scales = errors.get(part.series, NOTHING)
        if len(own_errors) < MIN_VALIDATION:  # it began late: intervals as of one never seen
            unit = float(Moves.fit(closes[rows], problem.target).at(closes[rows])[-1])
            own_errors, own_scales = ratios * unit, np.full(len(ratios), unit)
        series[names[part.series]] = OfSeries(
            scaler=prepared.scalers[part.series],
            target_scale=prepared.target_scales[part.series],
            history=History(dates[rows].to_numpy("datetime64[us]"), closes[rows]),
            errors=own_errors,
            scales=own_scales,
            seen=np.stack([np.nanmin(seen, axis=0), np.nanmax(seen, axis=0)]),
        )
    code = code_of(problem, spec)
    first = next(iter(series.values()))
    lead = Forecaster(
        spec=replace(spec, **told_of_training(problem, fold, device, networks, code)),
        networks=tuple(networks.values()),
        scaler=first.scaler,
        history=first.history,
        errors=first.errors,
        scales=first.scales,
        seen=first.seen,
        code=code,
    )
    numbers = {name: number for number, name in enumerate(names)}
    return PooledForecaster(lead, series, numbers, parameters.scaler)

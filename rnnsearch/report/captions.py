"""The pictures of a report, with their titles and captions in plain words."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.language import _, counted, listed
from rnnsearch.report import journal, paths, walked
from rnnsearch.report.comparisons import comparisons
from rnnsearch.report.contributions import shift_gain
from rnnsearch.report.facts import Facts
from rnnsearch.report.figures import champion as figures
from rnnsearch.report.figures import fan as fans
from rnnsearch.report.figures import money
from rnnsearch.report.figures import search as search_figures
from rnnsearch.report.figures.champion import Picture
from rnnsearch.report.figures.content import (
    Content,
    Grid,
    of_comparisons,
    of_inputs,
    of_shifts,
    parameters,
    reached,
)
from rnnsearch.report.figures.looking import Field, Lines, of_explanation
from rnnsearch.scoring import quantiles
from rnnsearch.scoring.directions import reliability
from rnnsearch.search.store.view import TrialView, best_first, trained

NARROW = 3
"""Columns of a grid of gains that a telephone has room for."""


def pictures(facts: Facts) -> dict[str, list[Picture]]:
    """Section -> its pictures."""
    return {
        "forecast": list(_forecast_pictures(facts)),
        "walk": list(walked.pictures(facts.evaluation)),
        "steps": list(paths.pictures(facts)),
        "money": list(_money_pictures(facts)),
        "journal": journal.pictures(facts.journal),
        "seeds": list(_seed_pictures(facts)),
        "search": list(_search_pictures(facts)),
        "compared": [_of(content) for content in of_comparisons(comparisons(facts.trials))],
        "inputs": [_of(content) for content in of_inputs(facts.inputs)],
        "shifts": [
            _of(content) for content in of_shifts(shift_gain(facts.trials), facts.study.space)
        ],
        "learning": list(_learning_pictures(facts)),
        "looking": [_of(content) for content in of_explanation(facts.explanation)],
    }


def _forecast_pictures(facts: Facts) -> Iterator[Picture]:
    evaluation = facts.evaluation
    if evaluation is None:
        return
    kind, ahead = facts.study.data.predict, evaluation["champion"]["params"]["output_shift"]
    sessions = counted("{count} session", "{count} sessions", ahead)
    dates, origin = evaluation["dates"], np.array(evaluation["origin_price"])
    actual = np.array(evaluation["actual"])
    forecasts = {name: np.array(values) for name, values in evaluation["forecasts"].items()}
    target = targets.get(kind)
    if target.chance:
        yield Picture(
            "forecast_probability",
            _("Forecast probability before rises and before falls"),
            _(
                "A forecast that tells something gives higher probabilities before rises: the two "
                "shapes lie apart. Where they lie on each other, it tells nothing."
            ),
            figures.probabilities(actual > 0.5, forecasts["champion"]),
        )
        yield Picture(
            "calibration",
            _("Does it rise as often as was forecast?"),
            _(
                "Sessions in order of their forecast chance, about as many in each point; "
                "bars hold the true share in 9 of 10 cases. On the dashed line the chances "
                "are right. Points all at one height say that the chances tell nothing."
            ),
            figures.calibration(reliability(actual > 0.5, forecasts["champion"])),
        )
        return
    price = {name: target.told(values, origin) for name, values in forecasts.items()}
    band = None
    if interval := evaluation["interval"]:
        if "radius" in interval:  # an evaluation of earlier: one width on every session
            radius = interval["radius"]
            low, high = (forecasts["champion"] + sign * radius for sign in (-1, 1))
        else:
            low, high = np.array(interval["low"]), np.array(interval["high"])
        band = target.told(low, origin), target.told(high, origin)
    if target.log_volatility:
        yield Picture(
            "forecast_volatility",
            _("The forecast volatility of {sessions}, made before them", sessions=sessions),
            _(
                "How much a session usually moves, in percent, drawn on the date at which "
                "it is known. Drag or pinch to zoom, double-click for all. “No change” is "
                "the volatility of as many sessions before the forecast was made: what "
                "came is that a little later. The pale band is the interval. Click a name "
                "above to show or hide it."
            ),
            figures.prices(
                dates,
                100 * target.told(actual, origin),
                {name: 100 * values for name, values in price.items()},
                band=None if band is None else (100 * band[0], 100 * band[1]),
                unit="volatility, %",
            ),
        )
        yield from _fan_pictures(evaluation, target)
        return
    yield Picture(
        "forecast_prices",
        _("The forecast for each session, made {sessions} before it", sessions=sessions)
        + (_(paths.FIRST) if "steps" in evaluation else ""),
        _(
            "Drag or pinch to zoom, double-click for all. “No change” is the price at the "
            "time of the forecast, drawn on the date it is a forecast for: a forecast that "
            "only follows it has learnt to repeat the last price. The pale band is the "
            "interval: wide after large moves, narrow after small ones. Click a name above "
            "to show or hide it."
        ),
        figures.prices(dates, target.told(actual, origin), price, band=band),
    )
    yield from _fan_pictures(evaluation, target)
    if (origin <= 0).any():  # of a spread there are no percents
        return
    moved = 100 * (target.told(actual, origin) / origin - 1)
    said = 100 * (price["champion"] / origin - 1)
    yield Picture(
        "forecast_moves",
        _("Forecast move against actual move"),
        _moves_caption(moved, said),
        figures.moves(dates, moved, said),
    )


def _fan_pictures(evaluation: Mapping[str, Any], target: targets.Target) -> Iterator[Picture]:
    found = evaluation.get("quantiles")
    if not found:
        return
    levels, told = found["levels"], quantiles.words(found, target.naive_words)
    origin = np.array(evaluation["origin_price"])
    quantile = [target.told(values, origin) for values in np.array(found["values"]).T]
    actual = target.told(np.array(evaluation["actual"]), origin)
    yield Picture(
        "forecast_fan",
        _("The forecast as a distribution"),
        _(
            "Between the edges of a band the outcome was to lie as often as the legend says; the "
            "darker the band, the likelier. Drag or pinch to zoom, double-click for all."
        ),
        fans.fan(evaluation["dates"], actual, np.stack(quantile, axis=1), levels, _(target.noun)),
        shows=told,
    )
    yield Picture(
        "quantile_coverage",
        _("Did as many outcomes lie below each quantile as were to?"),
        _("On the dashed line they did: above it the quantile was too high, below too low. ")
        + told,
        fans.coverage(levels, found["covered"]),
        shows=told,
    )


def _moves_caption(actual: Floats, forecast: Floats) -> str:
    text = _(
        "A good forecast lies along the dashed diagonal. A forecast that shadows the last price "
        "lies flat on the dotted line, however well its price curve seems to fit."
    )
    spread = float(np.std(forecast) / (np.std(actual) or 1.0))
    if np.std(forecast) > 0 and np.std(actual) > 0:
        share = f"{100 * spread:.{0 if spread >= 0.01 else 2}f} %"
        text += _(
            " Here the correlation is {correlation:+.2f}, and the forecasts move {share} as much "
            "as the price does.",
            correlation=np.corrcoef(actual, forecast)[0, 1],
            share=share,
        )
    return text


def _money_pictures(facts: Facts) -> Iterator[Picture]:
    traded = (facts.evaluation or {}).get("trading", {})
    if "equity" not in traded:
        return
    yield Picture(
        "equity",
        _("What 1 becomes, and how far it falls"),
        _(
            "On a log scale, so that the same gain in percent is as high everywhere. "
            "Below, how far an account is under the highest it has been. Drag or pinch to "
            "zoom, double-click for all; click a name to show or hide it."
        ),
        money.equity(traded),
    )


def _seed_pictures(facts: Facts) -> Iterator[Picture]:
    evaluation = facts.evaluation
    if evaluation is None:
        return
    yield Picture(
        "seed_skills",
        _("The champion's skill, seed by seed"),
        _(
            "The same network trained from different random beginnings. Where the sign "
            "changes from one to the next, the result is luck."
        ),
        figures.seed_skills(evaluation["seed_skills"], evaluation["table"][0]["skill"]),
    )
    yield Picture(
        "candidates",
        _("The candidates on validation rows"),
        _(
            "The best trials, trained again under further seeds; the one with the best mean became "
            "champion, before the test was opened. What the search saw (open circles) is usually "
            "above the mean: the best of many was lucky, too."
        ),
        figures.candidate_skills(evaluation["candidates"]),
    )


def _of(content: Content | Lines | Field) -> Picture:
    wide = isinstance(content, Grid) and len(content.columns) > NARROW
    return Picture(
        content.name, content.title, content.caption, search_figures.draw(content), wide=wide
    )


def _search_pictures(facts: Facts) -> Iterator[Picture]:
    rows = [_plain(trial) for trial in facts.trials]
    yield _of(reached(facts.trials))
    yield Picture(
        "curves",
        _("Learning, epoch by epoch"),
        _("Pruned trials (dotted) were stopped early because others did better at the same epoch.")
        if any(row["state"] == "pruned" for row in rows)
        else _("Gain on validation rows after each epoch of each trial."),
        search_figures.curves(rows),
    )
    if len(trained(facts.trials)) >= 3:
        yield Picture(
            "parallel_coordinates",
            _("From parameters to gain"),
            _("A line is a trial. Where the dark lines of the best third meet, a value helps."),
            search_figures.parallel_coordinates([row for row in rows if "duplicate_of" not in row]),
            wide=True,
            shows=_axes_in_words(facts),
        )
    if facts.importance.parameters:
        yield _of(parameters(facts.importance))


def _learning_pictures(facts: Facts) -> Iterator[Picture]:
    trial = facts.champion
    told = {"number": trial.number}
    yield Picture(
        "learning",
        _("How the champion learnt (trial {number}, mean of the folds)", **told)
        if facts.evaluation
        else _("How the best trial learnt (trial {number}, mean of the folds)", **told),
        _(
            "A validation loss that rises while the training loss falls is overfitting; a "
            "gradient norm that jumps is a learning rate too high. The trial is scored "
            "after its last epoch, wherever the curve was best."
        ),
        figures.learning(trial.curves),
    )


def _plain(trial: TrialView) -> dict[str, Any]:
    """A trial as figures take it."""
    return {
        "number": trial.number,
        "state": trial.state,
        "gain": trial.gain,
        "parameters": trial.plain | trial.as_drawn,
        "history": trial.curves | {"gain": list(trial.gains)},
        **({} if trial.is_original else {"duplicate_of": trial.duplicate_of}),
    }


def _axes_in_words(facts: Facts) -> str:
    """What the lines from parameters to gain show, for whoever cannot see them."""
    complete = best_first(trial for trial in trained(facts.trials) if trial.is_original)
    best = complete[: max(len(complete) // 3, 1)]
    told = [
        f"{_(name)} {_span([getter(trial.plain) for trial in best])}"
        for name, getter in (
            ("layers", lambda plain: len(plain["neurons"])),
            ("neurons", lambda plain: plain["neurons"][0]),
            ("window", lambda plain: plain["window"]),
            (_("output shift"), lambda plain: plain["output_shift"]),
            ("epochs", lambda plain: plain["epochs"]),
        )
    ]
    return _(
        "{count} trials, a line each through the parameters that varied. Of the best third "
        "({best}): {values}.",
        count=len(complete),
        best=len(best),
        values=listed(told),
    )


def _span(values: list[Any]) -> str:
    low, high = min(values), max(values)
    return f"{low}" if low == high else _("{low} to {high}", low=low, high=high)

"""Quantiles: proper scores, against a slow oracle, and doing nothing without look-ahead."""

import numpy as np
import pytest
from scipy import integrate, stats

from rnnsearch import targets
from rnnsearch.scoring import quantiles
from rnnsearch.scoring.metrics import Scored
from rnnsearch.scoring.metrics.theirs import MetricError
from rnnsearch.scoring.objectives import OBJECTIVES, spread, valued
from rnnsearch.scoring.parts import Part, cut
from rnnsearch.scoring.quantiles import Fan
from rnnsearch.targets import Quotes

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
FINE = tuple(i / 100 for i in range(1, 100))
RNG = np.random.default_rng(3)
SIZES = 0.004 + 0.016 * (np.arange(900) // 60 % 2)  # calm and storm
CLOSES = 100 * np.exp(np.cumsum(SIZES * RNG.standard_normal(900)))


def part(levels=LEVELS, h=1, size=None, rows=range(600, 900)):
    """Rows whose quantiles are those of a normal distribution of this size; None: the true one."""
    target, quotes, rows = targets.get("log_return"), Quotes(CLOSES), np.asarray(rows)
    train = np.arange(20, 590)
    actual = target.values(CLOSES, rows, h)
    width = np.full(len(rows), size) if size else SIZES[rows]
    values = width[:, None] * stats.norm.ppf(levels) * np.sqrt(h)
    fan = Fan(levels, values, quantiles.naive_fans(target, quotes, rows, h, train, levels))
    naive = targets.naive_forecasts(target, quotes, rows, h, train)
    scored = Scored(
        actual=actual,
        forecast=fan.median,
        naive=naive,
        hardest=naive["no_change"],
        origin=CLOSES[rows - h],
        target=target,
        fan=fan,
    )
    return Part(scored, rows)


def test_the_crps_of_fine_levels_is_the_integral_of_the_squared_distance():
    """Against the definition: the integral of (F(x) - [x >= y])² of a normal distribution."""
    actual = np.array([-1.3, 0.2, 2.5])
    wanted = [
        integrate.quad(lambda x, y=y: (stats.norm.cdf(x) - (x >= y)) ** 2, -9, 9, points=[y])[0]
        for y in actual
    ]
    levels = tuple((i + 0.5) / 1000 for i in range(1000))
    values = np.broadcast_to(stats.norm.ppf(levels), (3, 1000))
    assert quantiles.crps(actual, values, levels) == pytest.approx(np.mean(wanted), rel=1e-3)


def test_the_crps_of_a_point_is_its_absolute_error():
    actual, said = RNG.normal(size=50), RNG.normal(size=50)
    values = np.repeat(said[:, None], len(FINE), axis=1)
    assert quantiles.crps(actual, values, FINE) == pytest.approx(np.abs(actual - said).mean())


def test_the_pinball_loss_is_smallest_at_the_true_quantile():
    actual = RNG.normal(size=20_000)
    true = stats.norm.ppf(LEVELS)
    at = [
        quantiles.pinball(actual, np.broadcast_to(true + shift, (20_000, 5)), LEVELS).mean()
        for shift in (-0.2, 0.0, 0.2)
    ]
    assert at[1] < min(at[0], at[2])


def test_coverage_counts_what_lies_at_or_below():
    actual = np.array([1.0, 2.0, 3.0, 4.0])
    values = np.broadcast_to([1.0, 2.5, 9.0], (4, 3))
    assert quantiles.covered(actual, values).tolist() == [0.25, 0.5, 1.0]


@pytest.mark.parametrize("kind", ["log_return", "level"])
def test_doing_nothing_has_the_spread_of_the_training_rows_and_of_no_later_one(kind):
    target, rows, train = targets.get(kind), np.arange(600, 700), np.arange(20, 590)
    found = quantiles.naive_fans(target, Quotes(CLOSES), rows, 2, train, LEVELS)
    assert set(found) == {"no_change", "average"}
    for values in found.values():
        assert values.shape == (100, 5)
        assert (np.diff(values, axis=1) >= 0).all()
    later = CLOSES.copy()
    later[701:] *= 3
    again = quantiles.naive_fans(target, Quotes(later), rows, 2, train, LEVELS)
    for name, values in found.items():
        np.testing.assert_array_equal(values, again[name])
    # A row that is forecast changes no quantile of the rows before it, but for which of the
    # variants of a name counts, which all forecasts are held to alike.
    if kind == "log_return":
        later = CLOSES.copy()
        later[650:] *= 1.5
        again = quantiles.naive_fans(target, Quotes(later), rows, 2, train, LEVELS)
        for name, values in found.items():
            np.testing.assert_array_equal(values[:50], again[name][:50])


def test_who_knows_how_wild_it_is_has_pinball_skill_and_the_training_spread_has_none():
    one = OBJECTIVES["pinball_skill"]
    knows = part()
    gain = valued(one, [knows], 1)[2]
    assert 0.02 < gain < 0.3
    nothing = knows.scored.fan.of(knows.scored.fan.naive["no_change"])
    still = Part(
        Scored(**{**vars(knows.scored), "fan": nothing, "forecast": nothing.median}), knows.rows
    )
    assert valued(one, [still], 1)[2] <= 0
    assert valued(one, [part(size=0.1)], 1)[2] < 0


def test_pinball_skill_needs_quantiles():
    points = part()
    only = Part(points.scored.of(points.scored.forecast), points.rows)
    with pytest.raises(MetricError, match="only points"):
        valued(OBJECTIVES["pinball_skill"], [only], 1)
    assert "a chance has none" in OBJECTIVES["pinball_skill"].unfit(targets.get("direction"))


def test_quantiles_that_stay_where_they_are_are_spread_by_overlap():
    one = OBJECTIVES["pinball_skill"]
    assert spread(one, [part(h=1)], 1) == 1
    assert 2 < spread(one, [part(h=4, size=0.03)], 4) <= 4


def test_parts_are_cut_with_their_quantiles():
    folds = [part(rows=range(600, 700)), part(rows=range(700, 900))]
    blocks = cut(folds, 7)
    whole = np.concatenate([fold.scored.fan.values for fold in folds])
    np.testing.assert_array_equal(np.concatenate([b.scored.fan.values for b in blocks]), whole)
    assert sum(len(b.scored.fan.naive["average"]) for b in blocks) == 300


def test_what_is_told_is_json_and_its_words_name_every_level():
    import json

    one = part()
    found = json.loads(json.dumps(quantiles.told(one.scored.actual, one.scored.fan)))
    assert found["skill"] == pytest.approx(quantiles.skill(one.scored.actual, one.scored.fan))
    said = quantiles.words(found, {"no_change": "no change"})
    for level in ("10 %", "25 %", "50 %", "75 %", "90 %"):
        assert f"{level} were to" in said
    assert "pinball skill +0." in said

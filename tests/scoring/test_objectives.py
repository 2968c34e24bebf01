"""What a search may maximise: each by hand, and against doing nothing."""

import numpy as np
import pytest

from rnnsearch import targets
from rnnsearch.config.sections import METRICS
from rnnsearch.errors import StudyFileError
from rnnsearch.own_code import OwnCode
from rnnsearch.scoring import objectives
from rnnsearch.scoring.gain import gain
from rnnsearch.scoring.metrics import Scored, skill
from rnnsearch.scoring.metrics.theirs import MetricError
from rnnsearch.scoring.objectives import OBJECTIVES, Wanted, objective, valued
from rnnsearch.scoring.parts import Part, cut
from rnnsearch.targets import Quotes

TRADE = {"position": "sign", "sides": "long_short", "entry": "close", "cost": 5.0}
TRADE |= {"borrow": 0.0, "cash": 0.0}
CLOSES = 100 * np.exp(np.cumsum(0.01 * np.random.default_rng(1).normal(0.05, 1, 400)))


def folds(knows=0.0, kind="log_return", h=1, seed=2):
    """Two folds of 100 rows; forecasts that know a share of what comes."""
    target, quotes, rng = targets.get(kind), Quotes(CLOSES), np.random.default_rng(seed)
    found = []
    for rows in (np.arange(200, 300), np.arange(300, 400)):
        origin, noise = CLOSES[rows - h], rng.normal(size=100)
        actual = target.values(CLOSES, rows, h)
        guess = {
            "log_return": 0.01 * noise,
            "level": origin * np.exp(0.01 * noise),
            "direction": np.clip(0.5 + 0.2 * noise, 0.05, 0.95),
            "volatility": np.log(origin) + 0.01 * noise,
        }[kind]
        naive = targets.naive_forecasts(target, quotes, rows, h, np.arange(20, 190))
        scored = Scored(
            actual=actual,
            forecast=guess + knows * (actual - guess),
            naive=naive,
            hardest=list(naive.values())[0 if kind == "volatility" else -1],
            origin=origin,
            target=target,
            moved=1.0,
        )
        found.append(Part(scored, rows))
    return found


def said(forecast, parts):
    return [
        Part(part.scored.of(values), part.rows)
        for part, values in zip(parts, forecast, strict=True)
    ]


def sharpe():
    return objective(Wanted("sharpe", TRADE, 252.0), CLOSES, {})


def test_what_the_study_file_may_say_is_what_there_is():
    assert set(METRICS) == {*OBJECTIVES, "sharpe"}


def test_by_skill_a_trial_is_valued_as_ever():
    parts = folds(0.2, h=5)
    skills = [skill(p.scored.actual, p.scored.forecast, p.scored.hardest) for p in parts]
    errors = [p.scored.actual - p.scored.hardest for p in parts]
    bets = [p.scored.forecast - p.scored.hardest for p in parts]
    mean = float(np.mean(skills))
    assert valued(OBJECTIVES["skill"], parts, 5) == (mean, mean, gain(mean, errors, bets, 5))
    assert valued(OBJECTIVES["skill"], parts, 5, scoring=1) == (mean, mean, mean)


@pytest.mark.parametrize("kind", targets.ours())
def test_who_knows_more_is_better_and_doing_nothing_is_no_better(kind):
    refused = {
        "volatility": {"log_loss_skill", "hit_rate", "sharpe"},
        "direction": {"mae_skill", "pinball_skill"},
    }
    for one in (*OBJECTIVES.values(), sharpe()):
        if one.unfit(targets.get(kind)):
            assert one.key in refused.get(kind, {"log_loss_skill"})
            continue
        if one.key == "pinball_skill":  # of quantiles: see `test_quantiles`
            continue
        gains = [valued(one, folds(knows, kind), 1)[2] for knows in (0.0, 0.5, 0.9)]
        assert gains == sorted(gains), one.key
        assert gains[2] > 0.1
        if one.key == "sharpe":
            continue
        nothing = [
            valued(one, said([p.scored.naive[name] for p in folds(0, kind)], folds(0, kind)), 1)[2]
            for name in folds(0, kind)[0].scored.naive
        ]
        assert max(nothing) == pytest.approx(0, abs=1e-12), one.key


def test_each_measure_is_what_it_says():
    parts = folds(0.3)
    scored = [part.scored for part in parts]
    by_hand = {
        "mae_skill": np.mean(
            [
                1 - np.abs(s.forecast - s.actual).mean() / np.abs(s.hardest - s.actual).mean()
                for s in scored
            ]
        ),
        "hit_rate": np.mean([np.mean((s.forecast > 0) == (s.actual > 0)) for s in scored]),
    }
    for key, value in by_hand.items():
        assert valued(OBJECTIVES[key], parts, 1)[1] == pytest.approx(value, abs=0.01), key
    rises = np.mean([np.mean(s.actual > 0) for s in scored])
    gained = valued(OBJECTIVES["hit_rate"], parts, 1)[2]
    assert gained == pytest.approx(by_hand["hit_rate"] - max(rises, 1 - rises))
    perfect = said([s.actual for s in scored], parts)
    assert valued(OBJECTIVES["rank_ic"], perfect, 1)[1] == pytest.approx(1)
    still = said([np.zeros(100)] * 2, parts)
    assert valued(OBJECTIVES["rank_ic"], still, 1)[2] == 0


def test_overlap_counts_for_errors_for_shares_by_its_root_and_not_for_what_is_earned():
    parts = said([np.full(100, 0.02)] * 2, folds(h=4))  # as slow as a bet can be
    kappa = objectives.spread(OBJECTIVES["skill"], parts, 4)
    assert 2 < kappa <= 4
    assert objectives.spread(OBJECTIVES["mae_skill"], parts, 4) == kappa
    assert objectives.spread(OBJECTIVES["rank_ic"], parts, 4) == pytest.approx(kappa**0.5)
    assert objectives.spread(sharpe(), parts, 4) == 1


def test_a_sharpe_ratio_is_after_costs_and_not_divided():
    parts = folds(0.3, h=5)
    free = objective(Wanted("sharpe", TRADE | {"cost": 0.0}, 252.0), CLOSES, {})
    _, value, gained = valued(sharpe(), parts, 5)
    assert value == gained
    assert valued(free, parts, 5)[2] > gained


def test_a_function_of_one_s_own_is_held_to_doing_nothing():
    text = "def worst(s):\n    return -abs(s.forecast - s.actual).max()\n"
    code = {"my.py": OwnCode("my.py", {"my.py": text})}
    one = objective(Wanted("my.py:worst"), CLOSES, code)
    assert one.key == "worst"
    parts = folds(0.9)
    _, value, gained = valued(one, parts, 1)
    assert value < 0 < gained
    objectives.check(one, targets.get("log_return"))


@pytest.mark.parametrize(
    ("body", "message"),
    [("return 1 / 0", "division"), ("return 'high'", "should be one number")],
)
def test_a_function_that_fails_is_told(body, message):
    code = {"my.py": OwnCode("my.py", {"my.py": f"def bad(s):\n    {body}\n"})}
    one = objective(Wanted("my.py:bad"), CLOSES, code)
    with pytest.raises(StudyFileError, match=message) as error:
        objectives.check(one, targets.get("log_return"))
    assert str(error.value).startswith("[study] metric: ")
    with pytest.raises(MetricError, match=message):
        valued(one, folds(), 1)


def test_what_does_not_go_with_a_target_says_what_does():
    with pytest.raises(StudyFileError, match="predict = 'direction': it is of prices") as error:
        objectives.check(OBJECTIVES["mae_skill"], targets.get("direction"))
    fitting = str(error.value).partition("; ")[2].removesuffix(" do").split(", ")
    assert fitting == ["skill", "log_loss_skill", "hit_rate", "rank_ic", "sharpe"]
    for name in fitting[:-1]:
        objectives.check(OBJECTIVES[name], targets.get("direction"))


def test_a_forecast_that_says_nothing_of_the_price_has_no_sharpe_ratio():
    class Calm(type(targets.get("direction"))):
        name = "calm"

        def move(self, forecast, origin, usual):
            return None

    with pytest.raises(
        StudyFileError, match=r"sharpe does not go with predict = 'calm'.* hit_rate"
    ):
        objectives.check(sharpe(), Calm())


def test_parts_are_cut_anew_in_date_order():
    parts = folds(0.3)
    blocks = cut(parts, 7)
    assert np.concatenate([b.rows for b in blocks]).tolist() == list(range(200, 400))
    for name in ("actual", "forecast", "hardest", "origin"):
        whole = np.concatenate([getattr(p.scored, name) for p in parts])
        assert (np.concatenate([getattr(b.scored, name) for b in blocks]) == whole).all()


def test_later_rows_change_no_sharpe_ratio_of_a_fold():
    closes = CLOSES.copy()
    closes[300:] *= np.exp(np.linspace(0, 1, 100))
    other = objective(Wanted("sharpe", TRADE | {"position": "scaled"}, 252.0), closes, {})
    one = objective(Wanted("sharpe", TRADE | {"position": "scaled"}, 252.0), CLOSES, {})
    assert one.better_by(folds(0.3)[:1], 1) == other.better_by(folds(0.3)[:1], 1)

"""What a search maximises: how much better than doing nothing, by the measure that people choose.

    m  validation rows of a fold     h  output shift

`[study] metric` names one. The gain of a trial is what its forecasts are better by than doing
nothing, the mean of the folds, divided by what overlapping targets add to its spread (see `gain`):
so each output shift has about the same luck. An error falls with the size of what was learnt by
chance too, so it is spread by `kappa`; a share of hits and a rank correlation, which have no size,
by its root. Quantiles have an error each, and the one that overlap spreads most counts. A Sharpe
ratio is of what was earned session by session, where nothing overlaps, and is not divided.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.errors import StudyFileError
from rnnsearch.language import marked
from rnnsearch.own_code import OwnCode, split_reference
from rnnsearch.scoring import metrics, quantiles
from rnnsearch.scoring.gain import overlap
from rnnsearch.scoring.inference.significance import MIN_ROWS
from rnnsearch.scoring.metrics import (
    Metric,
    Scored,
    always,
    directed,
    directional_accuracy,
    mae,
)
from rnnsearch.scoring.metrics.chances import log_loss
from rnnsearch.scoring.metrics.theirs import MetricError, own, try_own
from rnnsearch.scoring.panel.daily import ordered
from rnnsearch.scoring.panel.ranks import FEWEST
from rnnsearch.scoring.parts import Part, fans_of, scored_of
from rnnsearch.scoring.trading.account import ENTRIES, Terms
from rnnsearch.scoring.trading.positions import RULES, SIDES
from rnnsearch.scoring.trading.strategy import Series, Strategy, sharpes
from rnnsearch.targets import Target

PLACE = "[study] metric"
PINBALL = "pinball_skill"


class Objective(ABC):
    """One measure to search by.

    key, label, meaning   as a metric has them
    overlaps              how overlapping targets spread it by chance: by this power of `kappa`
    """

    key: str
    label: str
    meaning: str
    overlaps = 1.0

    @property
    def plain(self) -> dict[str, str]:
        """What is needed to tell of it, as JSON."""
        return {"key": self.key, "label": self.label, "meaning": self.meaning}

    @abstractmethod
    def better_by(self, parts: Sequence[Part], h: int) -> list[float]:
        """How much better than doing nothing the forecasts of each part are; 0 is no better.

        What doing nothing is, is settled over all parts. Raises MetricError.
        """

    def value(self, parts: Sequence[Part], h: int) -> float:
        """By which it is told: the mean of the parts. Raises MetricError."""
        return float(np.mean(self.better_by(parts, h)))

    def unfit(self, target: Target) -> str:
        """Why it cannot be had of such a target; empty where it can."""
        return ""

    def luck(self, parts: Sequence[Part]) -> list[tuple[list[Floats], list[Floats]]]:
        """What came against doing nothing, and what was bet on it; of each block of rows (m,)."""
        every = scored_of(parts)
        return [([s.actual - s.hardest for s in every], [s.forecast - s.hardest for s in every])]


class Skill(Objective):
    """1 − RMSE / RMSE of the naive forecast that the trial is held to."""

    key, label = "skill", marked("skill")
    meaning = marked("1 − RMSE / RMSE of the harder naive forecast")

    def better_by(self, parts: Sequence[Part], h: int) -> list[float]:
        return [metrics.skill(s.actual, s.forecast, s.hardest) for s in scored_of(parts)]


@dataclass(frozen=True)
class Relative(Objective):
    """1 − error / error of the naive forecast that errs least over all parts."""

    key: str
    label: str
    meaning: str
    error: Callable[[Scored], float]
    priced: bool  # whether it is of prices, or else of chances

    def better_by(self, parts: Sequence[Part], h: int) -> list[float]:
        by_name = {
            name: [self.error(s.of(s.naive[name])) for s in scored_of(parts)]
            for name in parts[0].scored.naive
        }
        naive = min(by_name.values(), key=sum)
        return [
            1 - self.error(s) / nothing if nothing > 0 else 0.0
            for s, nothing in zip(scored_of(parts), naive, strict=True)
        ]

    def unfit(self, target: Target) -> str:
        if self.priced != target.chance:
            return ""
        return "it is of prices, not of chances" if self.priced else "it is of chances of a rise"


class PinballSkill(Objective):
    """1 − pinball loss / that of the naive forecast whose quantiles lose least over all parts.

    Who knows how volatile the market is has it, too, without knowing where prices go.
    """

    key, label = PINBALL, marked("pinball skill")
    meaning = marked("1 − pinball loss / that of the quantiles of doing nothing")

    def better_by(self, parts: Sequence[Part], h: int) -> list[float]:
        fans = fans_of(parts)
        name = self._hardest(parts)
        own, nothing = (
            [
                float(quantiles.pinball(part.scored.actual, values, fan.levels).mean())
                for part, fan, values in zip(parts, fans, each, strict=True)
            ]
            for each in ([fan.values for fan in fans], [fan.naive[name] for fan in fans])
        )
        return [1 - a / b if b > 0 else 0.0 for a, b in zip(own, nothing, strict=True)]

    def luck(self, parts: Sequence[Part]) -> list[tuple[list[Floats], list[Floats]]]:
        """Of each level: where what came lies, and how far the quantile was moved."""
        fans, name = fans_of(parts), self._hardest(parts)
        came = [
            quantiles.slopes(part.scored.actual, fan.naive[name], fan.levels)
            for part, fan in zip(parts, fans, strict=True)
        ]
        bets = [fan.values - fan.naive[name] for fan in fans]
        return [
            ([one[:, q] for one in came], [one[:, q] for one in bets])
            for q in range(len(fans[0].levels))
        ]

    def unfit(self, target: Target) -> str:
        return "it is of quantiles, and a chance has none" if metrics.chance(target) else ""

    def _hardest(self, parts: Sequence[Part]) -> str:
        fans = fans_of(parts)

        def loss(name: str) -> float:
            return sum(
                float(quantiles.pinball(part.scored.actual, fan.naive[name], fan.levels).mean())
                for part, fan in zip(parts, fans, strict=True)
            )

        return min(fans[0].naive, key=loss)


@dataclass(frozen=True)
class Difference(Objective):
    """A metric, less that of the naive forecast for which it is best over all parts."""

    key: str
    label: str
    meaning: str
    metric: Metric
    overlaps: float = 1.0

    def better_by(self, parts: Sequence[Part], h: int) -> list[float]:
        sign = -1.0 if self.metric.better == "lower" else 1.0
        names = parts[0].scored.naive
        by_name = [
            [sign * self._value(s.of(s.naive[name])) for s in scored_of(parts)] for name in names
        ]
        naive = max(by_name, key=sum)
        own = [sign * self._value(s) for s in scored_of(parts)]
        return [one - nothing for one, nothing in zip(own, naive, strict=True)]

    def value(self, parts: Sequence[Part], h: int) -> float:
        return float(np.mean([self._value(s) for s in scored_of(parts)]))

    def unfit(self, target: Target) -> str:
        return "" if self.metric.applies(target) else f"it is not of {target.name}"

    def _value(self, scored: Scored) -> float:
        value = self.metric.function(scored)
        if not np.isfinite(value):
            raise MetricError(f"its value should be a finite number, got {value}")
        return value


@dataclass(frozen=True, eq=False)
class EarnedSharpe(Objective):
    """The Sharpe ratio of a year, after the costs of [trade]; cash is doing nothing."""

    series: Series
    strategy: Strategy
    key = "sharpe"
    label = marked("Sharpe ratio")
    meaning = marked("Sharpe ratio of a year after costs, traded as [trade] says")
    overlaps = 0.0

    def better_by(self, parts: Sequence[Part], h: int) -> list[float]:
        return [self._of(part, h) for part in parts]

    def unfit(self, target: Target) -> str:
        one = np.ones(1)
        silent = target.move(one, one, one) is None
        return "what is forecast says nothing of the price" if silent else ""

    def _of(self, part: Part, h: int) -> float:
        s, first = part.scored, int(part.rows[0]) - h + 1
        usual = self.series.usual(h)[part.rows - h]
        moves = s.target.move(s.forecast, s.origin, usual)
        assert moves is not None  # `unfit`
        ratio = sharpes(self.strategy, self.series, moves[:, None], first, h, charged=True)[0]
        return float(ratio * np.sqrt(self.strategy.terms.per_year)) if np.isfinite(ratio) else 0.0


def rank_ic(scored: Scored) -> float:
    """Spearman's correlation of forecast and actual moves; 0 of forecasts that are all the same."""
    from scipy.stats import rankdata

    ranks = [rankdata(values - scored.middle) for values in (scored.forecast, scored.actual)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


class RankIC(Difference):
    """Of many series the order of those of a date, the mean over dates; of one that of its rows.

    Doing nothing is the naive forecast that orders best.
    """

    def better_by(self, parts: Sequence[Part], h: int) -> list[float]:
        if parts[0].days is None:
            return super().better_by(parts, h)
        naive = [
            ordered([replace(one, scored=one.scored.of(one.scored.naive[name])) for one in parts])
            for name in parts[0].scored.naive
        ]
        return [self.value(parts, h) - max(one or 0.0 for one in naive)]

    def value(self, parts: Sequence[Part], h: int) -> float:
        if parts[0].days is None:
            return super().value(parts, h)
        found = ordered(parts)
        if found is None:
            raise MetricError(TOO_FEW_SERIES)
        return found


TOO_FEW_SERIES = (
    f"an order over the series needs {MIN_ROWS} dates of the validation rows with {FEWEST} series "
    "or more"
)


def _metric(
    key: str,
    label: str,
    meaning: str,
    function: Callable[[Scored], float],
    applies: Callable[[Target], bool] = always,
) -> Metric:
    return Metric(
        key=key, label=label, meaning=meaning, function=function, better="higher", applies=applies
    )


_HITS = _metric(
    "hit_rate",
    marked("hit rate"),
    marked("share of right directions"),
    lambda s: directional_accuracy(s.actual, s.forecast, s.middle),
    directed,
)
_RANKS = _metric(
    "rank_ic",
    marked("rank IC"),
    marked("rank correlation of forecast and actual moves (Spearman)"),
    rank_ic,
)

OBJECTIVES: dict[str, Objective] = {
    one.key: one
    for one in (
        Skill(),
        Relative(
            "mae_skill",
            marked("MAE skill"),
            marked("1 − MAE / MAE of the harder naive forecast"),
            lambda s: mae(s.actual, s.forecast),
            priced=True,
        ),
        Relative(
            "log_loss_skill",
            marked("log loss skill"),
            marked("1 − log loss / log loss of the base rate"),
            lambda s: log_loss(s.rose, s.forecast),
            priced=False,
        ),
        PinballSkill(),
        Difference(
            "hit_rate",
            _HITS.label,
            marked("share of right directions, less that of doing nothing"),
            _HITS,
            0.5,
        ),
        RankIC("rank_ic", _RANKS.label, _RANKS.meaning, _RANKS, 0.5),
    )
}
"""Those that need no more than forecasts; a Sharpe ratio needs prices, and how they are traded."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """What an objective is made of, as plain data: workers are told it.

    name      as [study] metric has it
    trade     as [trade] has it, and the sessions of a year; None where it is not a Sharpe ratio
    opens     (rows,) on the scale of the price that is forecast, where the file has them
    """

    name: str = "skill"
    trade: Mapping[str, Any] | None = None
    per_year: float = 252.0
    opens: Floats | None = None


SKILL = Wanted()


def objective(wanted: Wanted, closes: Floats, code: Mapping[str, OwnCode]) -> Objective:
    """The objective of a study; `closes` (rows,) are forecast, `code` its files.

    Raises StudyFileError where a function of the user's own is not there.
    """
    if wanted.trade is not None:
        return EarnedSharpe(Series(closes, wanted.opens), strategy(wanted.trade, wanted.per_year))
    if (one := OBJECTIVES.get(wanted.name)) is not None:
        return one
    if split_reference(wanted.name) is None:
        raise StudyFileError(f"{PLACE}: there is no metric {wanted.name!r}")
    known = {metric.key for metric in metrics.registry()} | {*OBJECTIVES, "sharpe"}
    (metric,) = own([wanted.name], code, known, PLACE)
    meaning = f"{metric.meaning or metric.label}, less that of doing nothing"
    return Difference(metric.key, metric.label, meaning, metric)


def strategy(trade: Mapping[str, Any], per_year: float) -> Strategy:
    """As [trade] has it."""
    terms = Terms(trade["cost"], trade["borrow"], trade["cash"], per_year)
    bounds = SIDES[trade["sides"]]
    return Strategy(RULES[trade["position"]], bounds, ENTRIES[trade["entry"]], terms)


def check(one: Objective, target: Target) -> None:
    """Raises StudyFileError where it cannot be had of such a target, or fails on made-up rows."""
    if reason := one.unfit(target):
        fitting = [name for name, o in OBJECTIVES.items() if not o.unfit(target)]
        fitting += ["sharpe"] * (one.key != "sharpe")
        raise StudyFileError(
            f"{PLACE}: {one.key} does not go with predict = {target.name!r}: {reason}; "
            f"{', '.join(fitting)} do"
        )
    if isinstance(one, Difference):
        try_own([one.metric], target, PLACE)


def valued(
    one: Objective, parts: Sequence[Part], h: int, scoring: int = targets.SCORING
) -> tuple[float, float, float]:
    """A trial's skill, its value by the objective, and its gain, of its folds. Raises MetricError.

    Of a study of `scoring` 1 gain is not divided.
    """
    skill = OBJECTIVES["skill"].value(parts, h)
    better = skill if one.key == "skill" else float(np.mean(one.better_by(parts, h)))
    value = skill if one.key == "skill" else one.value(parts, h)
    return skill, value, better if scoring < targets.SCORING else better / spread(one, parts, h)


def spread(one: Objective, parts: Sequence[Part], h: int) -> float:
    """What overlapping targets add to the spread of its value by chance, from 1 to h."""
    if not one.overlaps:
        return 1.0
    return float(max(overlap(came, bets, h) for came, bets in one.luck(parts)) ** one.overlaps)

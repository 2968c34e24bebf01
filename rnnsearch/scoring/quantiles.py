"""Forecasts that are distributions, told by quantiles: what doing nothing says, how good they are.

    m  rows      Q  levels      y  what came      q  quantile of the level t

Pinball loss: t * (y - q) where y lies above, (1 - t) * (q - y) where it lies below. It is smallest
on average where q is the true quantile (Koenker & Bassett 1978; Gneiting & Raftery 2007, Strictly
proper scoring rules, section 6.1). Twice its integral over all levels is the CRPS, the distance of
a distribution from what came, in the unit of the target; of a point it is the absolute error
(Laio & Tamea 2007; Gneiting & Ranjan 2011, Comparing density forecasts, eq. 2 and 14).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.language import _, listed
from rnnsearch.targets import Quotes, Target


@dataclass(frozen=True, eq=False)
class Fan:
    """Quantiles of some rows, and those of doing nothing.

    levels  (Q,) rising, 0.5 among them
    values  (m, Q) in the target's unit, rising with the level
    naive   (m, Q) by the name of the naive forecast
    """

    levels: tuple[float, ...]
    values: Floats
    naive: Mapping[str, Floats]

    @property
    def median(self) -> Floats:
        """(m,) the forecast, where one number is asked for."""
        return self.values[:, self.levels.index(0.5)]

    def of(self, values: Floats) -> Self:
        """Another forecast of the same rows."""
        return replace(self, values=values)

    def __getitem__(self, rows: Any) -> Self:
        naive = {name: values[rows] for name, values in self.naive.items()}
        return type(self)(self.levels, self.values[rows], naive)

    @classmethod
    def joined(cls, fans: Sequence["Fan"]) -> "Fan":
        """Of rows that follow each other."""
        naive = {n: np.concatenate([fan.naive[n] for fan in fans]) for n in fans[0].naive}
        return cls(fans[0].levels, np.concatenate([fan.values for fan in fans]), naive)


def naive_fans(
    target: Target, quotes: Quotes, rows: Rows, h: int, train: Rows, levels: Sequence[float]
) -> dict[str, Floats]:
    """The quantiles (m, Q) of doing nothing, by the name of the naive forecast.

    Around each naive forecast lie the quantiles of its errors on the training rows, which are known
    at each origin; of a price above 0 its errors in shares of it, too. As with points, the rows
    choose among the variants of one name: doing nothing is as hard to beat as it can be.
    """
    came, then = (target.values(quotes.target, some, h) for some in (rows, train))
    said, was = (target.naive(quotes, some, h, train) for some in (rows, train))
    origin, before = (quotes.target[some - h] for some in (rows, train))
    shares = target.in_prices and (origin > 0).all() and (before > 0).all()
    found = {}
    for name, variants in said.items():
        fans = []
        for one, known in zip(variants, was[name], strict=True):
            fans.append(one[:, None] + np.quantile(then - known, levels))
            if shares:
                spread = np.quantile((then - known) / before, levels)
                fans.append(one[:, None] + origin[:, None] * spread)
        found[name] = min(fans, key=lambda fan: float(pinball(came, fan, levels).mean()))
    return found


def pinball(actual: Floats, values: Floats, levels: Sequence[float]) -> Floats:
    """(Q,) the mean loss of each level; `values` (m, Q)."""
    above = actual[:, None] - values
    t = np.asarray(levels)
    mean: Floats = np.maximum(t * above, (t - 1) * above).mean(axis=0)
    return mean


def slopes(actual: Floats, values: Floats, levels: Sequence[float]) -> Floats:
    """(m, Q) how much a quantile that is raised gains: its level, less whether it is not passed."""
    found: Floats = np.asarray(levels) - (actual[:, None] <= values)
    return found


def crps(actual: Floats, values: Floats, levels: Sequence[float]) -> float:
    """Twice the integral of the pinball loss, of which each level stands for what lies nearest."""
    t = np.asarray(levels)
    edges = np.concatenate([[0.0], (t[1:] + t[:-1]) / 2, [1.0]])
    return float(2 * np.diff(edges) @ pinball(actual, values, levels))


def covered(actual: Floats, values: Floats) -> Floats:
    """(Q,) the share of rows that came out at each quantile or below; its level would be right."""
    share: Floats = (actual[:, None] <= values).mean(axis=0)
    return share


def skill(actual: Floats, fan: Fan) -> float:
    """1 - mean pinball loss / that of the harder naive forecast; 0 where that has none."""
    nothing = min(float(pinball(actual, naive, fan.levels).mean()) for naive in fan.naive.values())
    own = float(pinball(actual, fan.values, fan.levels).mean())
    return 1 - own / nothing if nothing > 0 else 0.0


def told(actual: Floats, fan: Fan) -> dict[str, Any]:
    """How good they are, as JSON.

    Keys: levels, covered and pinball (of each level), crps, skill, naive (name -> crps).
    """
    naive = {name: crps(actual, values, fan.levels) for name, values in fan.naive.items()}
    return {
        "levels": list(fan.levels),
        "covered": covered(actual, fan.values).tolist(),
        "pinball": pinball(actual, fan.values, fan.levels).tolist(),
        "crps": crps(actual, fan.values, fan.levels),
        "skill": skill(actual, fan),
        "naive": naive,
    }


def words(found: Mapping[str, Any], naive_words: Mapping[str, str]) -> str:
    """What `told` has, in a sentence or two; `naive_words` are those of the target."""
    pairs = zip(found["levels"], found["covered"], strict=True)
    shares = listed(
        _("{level:g} % were to and {share:.1f} % did", level=100 * level, share=100 * share)
        for level, share in pairs
    )
    name = min(found["naive"], key=lambda name: float(found["naive"][name]))
    nothing, own = found["naive"][name], found["crps"]
    text = _(
        "Quantiles: of the outcomes at or below each, {shares}. The CRPS is {crps}",
        shares=shares,
        crps=format(own, ".4g"),
    )
    if nothing > 0:
        beside = {
            "share": f"{100 * abs(1 - own / nothing):.2g}",
            "naive": _(naive_words.get(name, name.replace("_", " "))),
        }
        text += (
            _(", {share} % below that of {naive} with the spread of the training rows", **beside)
            if own <= nothing
            else _(
                ", {share} % above that of {naive} with the spread of the training rows", **beside
            )
        )
    text += _("; pinball skill {skill}.", skill=format(found["skill"], "+.4f"))
    return text.replace("-", "−")

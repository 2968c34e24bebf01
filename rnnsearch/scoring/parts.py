"""Forecasts of rows that follow each other, as they are scored: apart, as one, in blocks.

m  rows of a part
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnsearch.arrays import Rows
from rnnsearch.scoring.metrics import Scored
from rnnsearch.scoring.metrics.theirs import MetricError
from rnnsearch.scoring.quantiles import Fan


@dataclass(frozen=True, eq=False)
class Part:
    """Rows that follow each other: a fold's, or a block of them.

    rows  the target rows (m,)
    days  (m,) the numbers of their dates, of one of many series
    """

    scored: Scored
    rows: Rows
    days: Rows | None = None


def scored_of(parts: Sequence[Part]) -> list[Scored]:
    return [part.scored for part in parts]


def fans_of(parts: Sequence[Part]) -> list[Fan]:
    """Raises MetricError where only points were forecast."""
    found = [part.scored.fan for part in parts if part.scored.fan is not None]
    if len(found) < len(parts):
        raise MetricError("only points were forecast, and no quantiles")
    return found


def together(parts: Sequence[Part]) -> Scored:
    """The rows of parts as one block; what they moved before is that of the first."""
    every, first = scored_of(parts), parts[0].scored
    names = ("actual", "forecast", "hardest", "origin")
    joined = {name: np.concatenate([getattr(s, name) for s in every]) for name in names}
    naive = {name: np.concatenate([s.naive[name] for s in every]) for name in first.naive}
    fan = None if first.fan is None else Fan.joined(fans_of(parts))
    return Scored(**joined, naive=naive, target=first.target, moved=first.moved, fan=fan)


def cut(parts: Sequence[Part], count: int) -> list[Part]:
    """The rows of parts that follow each other, in so many of about one length."""
    rows, whole = np.concatenate([part.rows for part in parts]), together(parts)
    return [
        Part(
            replace(
                whole,
                actual=whole.actual[places],
                forecast=whole.forecast[places],
                hardest=whole.hardest[places],
                origin=whole.origin[places],
                naive={name: one[places] for name, one in whole.naive.items()},
                fan=None if whole.fan is None else whole.fan[places],
            ),
            rows[places],
        )
        for places in np.array_split(np.arange(len(rows)), count)
    ]

"""Which inputs tell something about the prices of many series that train one network.

As for one series (`ranking`, `pursuit`), on training rows of all: what is normal scores there is so
within each series, so that no series' unit or volatility decides.

Series move together, so the changes of one day are no independent witnesses. They are freed of what
they share with the others of the day, so far as makes them uncorrelated; where series go their own
ways nothing is taken away, and where all go the same way what is left is how they differ.

    S  series      n  changes of a series      N  changes of all      F  inputs
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats, Rows
from rnnsearch.search.inputs.pursuit import Looks, normal_scores, pursue
from rnnsearch.search.inputs.ranking import (
    Ranking,
    changes_of,
    findings,
    known_inputs,
    useless_of,
)

MAX_ROWS = 10_000
"""Training rows looked at, of all series together, the latest ones of each."""


@dataclass(frozen=True, eq=False)
class PooledRows:
    """What is looked at: the table, the prices, and the training rows of each series.

    dates   (rows,) of the table's rows
    trains  (n,) each: consecutive target rows of a series
    """

    values: NDArray[np.floating]
    close: Floats
    dates: NDArray[np.datetime64]
    trains: Sequence[Rows]
    lags: range
    ahead: Sequence[int]

    @property
    def looked_at(self) -> list[Rows]:
        """The rows of each series, so that all together are few enough, and each enough to score.

        Of so many series that none would have a hundred, some are looked at, evenly spread.
        """
        least = 100
        step = max(1, -(-len(self.trains) * least // MAX_ROWS))
        some = self.trains[::step]
        each = max(MAX_ROWS // len(some), least)
        return [rows[-each:] for rows in some]

    def known(self, rows: Rows) -> NDArray[np.floating]:
        """The inputs of a series before and at these changes."""
        first = int(rows[0]) - self.lags[-1]
        return known_inputs(self.values, first, int(rows[-1]), self.lags, self.ahead)


class PooledLooks(Looks):
    """The looks of each series, one under another."""

    def __init__(self, each: Sequence[Looks]) -> None:
        self.spans = each[0].spans
        self.arrays = [
            np.concatenate([one.arrays[place] for one in each]) for place in range(len(self.spans))
        ]
        self.width, self.crossed = each[0].width, each[0].crossed


def rank_pool(pool: PooledRows) -> Ranking:
    """Rank the columns by what they tell about the changes of all series; see `rank_inputs`.

    Columns that are constant in every series, or repeat an earlier column in every series, come
    last.
    """
    started = perf_counter()
    useless = useless_in_pool(pool)
    columns = [column for column in range(pool.values.shape[1]) if column not in useless]
    looked = pool.looked_at
    looks, changes, days = [], [], []
    for rows in looked:
        looks.append(Looks(pool.known(rows)[:, columns], pool.lags))
        moves = changes_of(pool.close[int(rows[0]) - 1 : int(rows[-1]) + 1])
        changes.append(normal_scores(moves))
        days.append(pool.dates[rows])
    own = uncorrelated(np.concatenate(changes), np.concatenate(days))
    steps, rest = pursue(PooledLooks(looks), own) if columns else ([], {})
    found = findings(steps, rest, columns, useless, pool.lags[0], pool.ahead)
    count = sum(len(rows) for rows in looked)
    return Ranking(found, len(steps), count, perf_counter() - started)


def useless_in_pool(pool: PooledRows) -> dict[int, int | None]:
    """The columns that are constant in every series (None), or repeat an earlier one in every."""
    found: dict[int, int | None] | None = None
    for rows in pool.looked_at:
        own = useless_of(pool.known(rows))
        if found is None:
            found = own
        else:
            found = {c: other for c, other in found.items() if c in own and own[c] == other}
    return found or {}


def uncorrelated(
    changes: NDArray[np.floating], days: NDArray[np.datetime64]
) -> NDArray[np.float32]:
    """Changes (N,) without so much of the mean of their day that any two of a day are uncorrelated.

    Of m changes of a day whose correlation is `rho` that is the share
    `1 - sqrt((1 - rho) / (1 - rho + m rho))` (Fuller & Battese 1973, Transformations for estimation
    of linear models with nested-error structure).
    """
    _, place, count = np.unique(days, return_inverse=True, return_counts=True)
    sums = np.bincount(place, weights=changes)
    squares = np.bincount(place, weights=np.square(changes, dtype=np.float64))
    pairs = float((count * (count - 1)).sum())
    power = float(squares.sum()) / len(changes)
    if not pairs or not power:
        return np.asarray(changes, dtype=np.float32)
    rho = float(np.clip((sums**2 - squares).sum() / pairs / power, 0.0, 0.999))
    share = 1 - np.sqrt((1 - rho) / (1 - rho + count * rho))
    return np.asarray(changes - (share * sums / count)[place], dtype=np.float32)

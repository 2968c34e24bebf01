"""Prices of many series, one under another, in one table of rows.

What is a function of a row and of rows of the same series before it is asked of a panel as it is
of one series, by the row's number.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd

from rnnsearch.arrays import Rows
from rnnsearch.data.prices.load import Prices

WARNED = 5  # series whose oddities are told


@dataclass(frozen=True, eq=False)
class Panel(Prices):
    """frame: of all series, the columns that quotes are made of; dates do not increase over it.

    each  the series by name, in order; without the rows that are in `frame`, only how they came
          about
    """

    each: Mapping[str, Prices] = None  # type: ignore[assignment]

    @classmethod
    def of(cls, name: str, each: Mapping[str, Prices]) -> Self:
        """`name`: of all, for messages."""
        first = next(iter(each.values()))
        quoted = {first.target, first.price}
        if all("Close" in prices.frame for prices in each.values()):
            quoted.add("Close")
        columns = [column for column in first.frame.columns if column in quoted]
        frame = pd.concat([prices.frame[columns] for prices in each.values()])
        told = [
            f"{series}: {text}" if series not in text else text
            for series, prices in each.items()
            for text in prices.warnings
        ]
        odd = sum(bool(prices.warnings) for prices in each.values())
        if odd > WARNED:
            told = [*told[:WARNED], f"{odd} of {len(each)} series have such oddities"]
        return cls(
            name,
            frame,
            first.target,
            tuple(told),
            ahead=first.ahead,
            price=first.price,
            how=first.how,
            each=dict(each),
        )

    @cached_property
    def hash(self) -> str:
        content = hashlib.sha256()
        for name, prices in self.each.items():
            content.update(f"\n{name}\n{prices.hash}".encode(errors="surrogatepass"))
        return content.hexdigest()[:16]

    @property
    def series(self) -> tuple[str, ...]:
        return tuple(self.each)

    @cached_property
    def begins(self) -> Rows:
        """(S + 1,) the first row of each series, and the number of rows."""
        lengths = [len(prices.frame) for prices in self.each.values()]
        return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    @property
    def words(self) -> Mapping[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        for prices in self.each.values():
            found |= prices.words
        return found

    @property
    def sources(self) -> tuple[str, ...]:
        return next(iter(self.each.values())).sources

    def owners(self, rows: Rows) -> Rows:
        """(n,) the number of the series that each row is of."""
        return np.asarray(np.searchsorted(self.begins, rows, side="right") - 1, dtype=np.int64)

    def until(self, last: pd.Timestamp) -> "Panel":
        """What the files held when their last prices were of this date."""
        each = {name: prices.until(last) for name, prices in self.each.items()}
        return Panel.of(self.name, {n: p for n, p in each.items() if len(p.frame)})


def slimmed(prices: Prices) -> Prices:
    """Prices of which only what a panel needs is kept in memory; their hash is of all."""
    digest = prices.hash
    wanted = [c for c in prices.frame.columns if c in (prices.target, prices.price, "Close")]
    slim = replace(prices, frame=prices.frame[wanted].copy())
    slim.__dict__["hash"] = digest  # the cached property
    return slim

"""What exposures earn, session by session, after costs and interest.

    m  sessions, one after the other     k  accounts side by side

Each session has one trade, at its entry; whatever is held after the last one is sold at its close.
An account is rebalanced at every entry: exposure is a share of what it is worth then, after costs.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.language import marked

BASIS_POINT = 1e-4


@dataclass(frozen=True, eq=False)
class Market:
    """Prices, each above 0.

    entry  (m,) at which the exposure of a session is taken
    close  (m,) at which the session ends, and is valued
    """

    entry: Floats
    close: Floats


@dataclass(frozen=True)
class Entry:
    """When a position is entered. `prices`: opens and closes (rows,), first row of the sessions,
    their number -> the entry prices; `words` follow "entered"."""

    name: str
    words: str
    prices: Callable[[Floats | None, Floats, int, int], Floats]
    needs_open: bool = False
    note: str = ""


def _at_close(opens: Floats | None, closes: Floats, first: int, sessions: int) -> Floats:
    return closes[first - 1 : first - 1 + sessions]


def _at_open(opens: Floats | None, closes: Floats, first: int, sessions: int) -> Floats:
    assert opens is not None
    return opens[first : first + sessions]


ENTRIES = {
    entry.name: entry
    for entry in (
        Entry(
            "close",
            marked("at the close of the origin"),
            _at_close,
            note=marked(
                "positions are entered at the close that the forecast itself is made from, so it "
                'has to be there just before; [trade] entry = "open" enters at the next open '
                "instead"
            ),
        ),
        Entry("open", marked("at the next open"), _at_open, needs_open=True),
    )
}


@dataclass(frozen=True)
class Terms:
    """What an account is charged and paid.

    cost      of a trade, in basis points of what is bought or sold: per side
    borrow    percent a year on what is sold short
    cash      percent a year on what is not invested; it is also what a gain is measured against
    per_year  sessions in a year
    """

    cost: float
    borrow: float
    cash: float
    per_year: float

    @property
    def interest(self) -> float:
        """Of one session."""
        return self.cash / 100 / self.per_year

    def charges(self, h: int) -> tuple[float, float]:
        """What a position of h sessions costs of its size, long and short."""
        both_sides = 2 * self.cost * BASIS_POINT
        return both_sides, both_sides + self.borrow / 100 * h / self.per_year


@dataclass(frozen=True, eq=False)
class Account:
    """What k accounts came to.

    returns   (m, k) of each session; -1 where all is lost, and 0 ever after
    excess    (m, k) the same beyond interest on cash
    traded    (k,) bought and sold in all, in multiples of what the account was worth then
    """

    returns: Floats
    excess: Floats
    traded: Floats

    @property
    def equity(self) -> Floats:
        """(m, k) what 1 has become at the end of each session."""
        worth: Floats = np.cumprod(1 + self.returns, axis=0, dtype=np.float64)
        return worth


def run(market: Market, exposure: Floats, terms: Terms, costs: Floats | None = None) -> Account:
    """Hold `exposure` (m, k); `costs` (k,) in basis points stand in for those of the terms.

    With B what an account is worth before a trade, v the share of it that is held then and p the
    one that is wanted after it, the trade leaves A = B - c |p A - v B|, which is

        A / B = (1 + c v) / (1 + c p) where it buys, (1 - c v) / (1 - c p) where it sells.
    """
    c = BASIS_POINT * (np.full(exposure.shape[1], terms.cost) if costs is None else costs)
    ends = np.append(market.entry[1:], market.close[-1])
    to_next, to_close = (
        price[:, None] / market.entry[:, None] - 1 for price in (ends, market.close)
    )
    short = np.maximum(-exposure, 0) * terms.borrow / 100 / terms.per_year
    carry = (1 - exposure) * terms.interest - short
    with np.errstate(all="ignore"):
        grown = np.maximum(1 + exposure * to_next + carry, 0)
        valued = np.maximum(1 + exposure * to_close + carry, 0)
        before = np.nan_to_num(exposure * (1 + to_next) / grown, posinf=0, neginf=0)
    nothing = np.zeros((1, exposure.shape[1]))
    held, wanted = np.concatenate([nothing, before]), np.concatenate([exposure, nothing])
    left = np.where(
        wanted > held, (1 + c * held) / (1 + c * wanted), (1 - c * held) / (1 - c * wanted)
    )
    left = np.maximum(left, 0)
    alive = np.concatenate([nothing + 1, np.cumprod((grown > 0) & (valued > 0), axis=0)])
    worth = np.concatenate([nothing + 1, np.cumprod(left[:-1] * grown, axis=0)])[:-1]
    marks = worth * left[:-1] * valued * alive[1:]
    marks[-1] *= left[-1]
    last = np.concatenate([nothing + 1, marks[:-1]])
    returns = np.where(last > 0, marks / np.where(last > 0, last, 1) - 1, 0.0)
    traded = (np.abs(wanted * left - held) * alive).sum(axis=0)
    return Account(returns, returns - terms.interest, traded)

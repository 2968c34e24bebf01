"""Which market a series may be of, by its ticker and its sessions: a proposal, never a setting."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rnnsearch.data.markets.calendars import are_days, session_dates
from rnnsearch.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = {  # of tickers, as Yahoo Finance writes them
    **{"TW": "XTAI", "TWO": "XTAI", "T": "XTKS", "HK": "XHKG", "SS": "XSHG", "SZ": "XSHG"},
    **{"KS": "XKRX", "KQ": "XKRX", "L": "XLON", "DE": "XETR", "PA": "XPAR", "AS": "XAMS"},
    **{"MI": "XMIL", "SW": "XSWX", "TO": "XTSE", "AX": "XASX", "SA": "BVMF", "NS": "XBOM"},
}
LIKELY = ("XNYS", "XTAI", "XTKS", "XLON", "XHKG")  # whose sessions are compared
ROWS = 500  # newest rows that are compared
WRONG = 0.01  # share of them that may be no session, or be absent


def likely_market(name: str, dates: pd.DatetimeIndex) -> str | None:
    """The calendar that a file's name, or else its dates, speak for; None where none does."""
    days = dates.normalize().unique()
    if not are_days(days):
        return None
    dates = days
    if (dates.day_of_week >= 5).mean() > 0.2:
        return "24/7"
    found = re.search(r"[\w^-]\.([A-Z]{1,3})(?=$|[._ -])", name)
    if found and found[1] in SUFFIXES:
        return SUFFIXES[found[1]]
    recent = dates[-ROWS:]
    scores = {}
    for market in LIKELY:
        try:
            sessions = session_dates(market, recent[0], recent[-1])
        except DataError:
            continue
        scores[market] = len(sessions.symmetric_difference(recent)) / len(recent)
    best = min(scores, key=lambda market: scores[market], default=None)
    return best if best is not None and scores[best] <= WRONG else None

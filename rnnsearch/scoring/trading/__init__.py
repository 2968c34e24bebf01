"""What would a forecast have earned, after costs?

positions   from forecasts to what is held: rules, sides, overlapping tranches
account     what it earns: entries, costs, interest
sharpe      the Sharpe ratio: how sure it is, and how much of it is the luck of many trials
measures    an account in figures
strategy    all of it for one forecast: the accounts side by side, the sentence
words       the figures as they are shown
"""

from rnnsearch.scoring.trading.account import ENTRIES, Market
from rnnsearch.scoring.trading.positions import RULES, SIDES
from rnnsearch.scoring.trading.strategy import Strategy, sharpes, traded
from rnnsearch.scoring.trading.words import (
    ADJUSTED,
    EARLIER,
    LABELS,
    LOOKED_AT,
    MEASURES,
    SAMPLE,
    STALE_OPENS,
    UNADJUSTED,
    UNKNOWN,
    Shown,
    at_cost,
    notes,
    sentence,
    shown_measures,
    why_not,
)

__all__ = [
    "ADJUSTED",
    "EARLIER",
    "ENTRIES",
    "LABELS",
    "LOOKED_AT",
    "MEASURES",
    "RULES",
    "SAMPLE",
    "SIDES",
    "STALE_OPENS",
    "UNADJUSTED",
    "UNKNOWN",
    "Market",
    "Shown",
    "Strategy",
    "at_cost",
    "notes",
    "sentence",
    "sharpes",
    "shown_measures",
    "traded",
    "why_not",
]

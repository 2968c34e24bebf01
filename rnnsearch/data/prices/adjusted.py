"""Prices and volumes that were adjusted later for dividends and splits, told by what they are.

Each dividend rewrites all earlier values of such a column, so none of them was known on its day:
none is an input. What makes one is its ratio to the column that it is made of, which is constant
but for a few steps, and ends at 1 because nothing has been paid since the last row.
"""

import re
from collections.abc import Mapping

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.data.files.names import ALIASES, USUAL, key

FEWEST = 30  # rows from which on a ratio can be seen to be constant
STEPS = 0.06  # share of the rows on which the ratio may change: a dividend a month is 0.05
NOISE = 1e-6  # relative, of numbers that were once float32
BLUNT = 0.25  # of the usual move: a ratio known no better than that tells nothing
MARKS = r"adjusted|adjust|adj|ajustado|ajusté|bereinigt|corrigé|調整後|調整|還原|复权|復權"
PRICES = ("price", "last", "value", "preis", "kurs", "cours", "precio")
BASES = {name: name for name in USUAL[:5]}
BASE_OF_NAME = (
    {key(name): name for name in BASES}
    | {alias: name for name in BASES for alias in ALIASES[name]}
    | dict.fromkeys(("", *PRICES), "Close")
)


def adjusted_of(name: str, values: Floats, bases: Mapping[str, Floats]) -> str | None:
    """Which of the `bases` the column `name` is an adjusted version of; None if of none.

    `values` and `bases` (rows,), oldest first; the bases are prices and the volume of the file
    under their usual names. Looks at all rows: it decides what is left out, and no value.
    """
    named = _named_base(name)
    if named is not None and named in bases:
        return named
    steps = {base: _steps(values, column) for base, column in bases.items()}
    found = {base: count for base, count in steps.items() if count is not None}
    return min(found, key=lambda base: found[base]) if found else None


def is_factor(name: str, values: Floats) -> bool:
    """Whether a column is the ratio itself: a factor that ends at 1 and has few steps."""
    plain = key(name)
    if not (re.search(MARKS, plain) or "factor" in plain or "faktor" in plain):
        return False
    known = values[np.isfinite(values)]
    if len(known) < FEWEST or (known <= 0).any() or known[-1] != 1:
        return False
    return 0 < int(np.count_nonzero(np.diff(known))) <= max(1, STEPS * len(known))


def _named_base(name: str) -> str | None:
    """`Adj. Open` and `open_adjusted` are Open; `adjusted` is Close."""
    plain = key(name)
    bare = re.sub(MARKS, "", plain)
    return None if bare == plain else BASE_OF_NAME.get(bare)


@np.errstate(all="ignore")  # prices at the limits of a float have no such ratio
def _steps(values: Floats, base: Floats) -> int | None:
    """How often the ratio changes; None where it is no constant with few steps that ends at 1."""
    good = np.isfinite(values) & np.isfinite(base) & (values > 0) & (base > 0)
    values, base = values[good], base[good]
    if len(values) < FEWEST or (values == base).all():
        return None
    ratio = values / base
    if abs(ratio[-1] - 1) > 2 * (NOISE + 0.5 / values[-1] + 0.5 / base[-1]):  # the coarsest
        return None  # of thousands of columns most end here, before their decimals are counted
    unsure = NOISE + _rounding(values) / values + _rounding(base) / base
    change = np.abs(np.diff(ratio)) / ratio[1:]
    moves = np.abs(np.diff(base)) / base[1:]
    moves = moves[moves > 0]
    if not len(moves) or np.median(unsure) > BLUNT * np.median(moves):
        return None
    steps = int((change > 1.5 * (unsure[1:] + unsure[:-1])).sum())
    ends_at_one = abs(ratio[-1] - 1) <= 2 * unsure[-1]
    return steps if 0 < steps <= max(1, STEPS * len(ratio)) and ends_at_one else None


def _rounding(values: Floats) -> float:
    """Half of the last decimal that the values are written with."""
    for decimals in range(8):
        scaled = values * 10.0**decimals
        if (np.abs(scaled - np.round(scaled)) <= 1e-9 * np.abs(scaled)).all():
            return float(0.5 * 10.0**-decimals)
    return 0.0

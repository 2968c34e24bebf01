"""The indicators of `ta` that took most of its time, on plain numbers: the same values to the bit.

`ta` reads and writes single cells of pandas series, a hundred times as slow. `quickened` gives one
of its functions these classes instead of its own.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd
import ta


class PSAR(ta.trend.PSARIndicator):  # type: ignore[misc]
    """Parabolic stop and reverse (Wilder 1978)."""

    def _run(self) -> None:
        high, low, psar = (x.tolist() for x in (self._high, self._low, self._close))
        rising, factor = True, self._step
        top, bottom = high[0], low[0]  # of the present trend
        up, down = np.full((2, len(psar)), np.nan)
        for i in range(2, len(psar)):
            before = psar[i - 1]
            if rising:
                now = before + factor * (top - before)
                if reversal := low[i] < now:
                    now, bottom, factor = top, low[i], self._step
                else:
                    if high[i] > top:
                        top, factor = high[i], min(factor + self._step, self._max_step)
                    if low[i - 2] < now:
                        now = low[i - 2]
                    elif low[i - 1] < now:
                        now = low[i - 1]
            else:
                now = before - factor * (before - bottom)
                if reversal := high[i] > now:
                    now, top, factor = bottom, high[i], self._step
                else:
                    if low[i] < bottom:
                        bottom, factor = low[i], min(factor + self._step, self._max_step)
                    if high[i - 2] > now:
                        now = high[i - 2]
                    elif high[i - 1] > now:
                        now = high[i - 1]
            psar[i] = now
            rising = rising != reversal
            (up if rising else down)[i] = now
        index = self._close.index
        self._psar, self._psar_up, self._psar_down = (
            pd.Series(values, index=index, dtype="float64") for values in (psar, up, down)
        )


class NegativeVolumeIndex(ta.volume.NegativeVolumeIndexIndicator):  # type: ignore[misc]
    """Changes of the price on sessions of falling volume, multiplied up (Dysart 1936)."""

    def _run(self) -> None:
        growth = (1.0 + self._close.pct_change()).where(self._volume.shift(1) > self._volume, 1.0)
        growth.iloc[0] = 1000
        self._nvi = growth.cumprod().rename("nvi")


def quickened(function: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
    """One of ta's `add_..._ta` that takes these classes; ta itself is left as it is."""
    assert isinstance(function, FunctionType)
    names: dict[str, Any] = function.__globals__ | {
        "PSARIndicator": PSAR,
        "NegativeVolumeIndexIndicator": NegativeVolumeIndex,
    }
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__)

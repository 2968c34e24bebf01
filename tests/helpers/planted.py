"""Price files whose truth is known: which inputs move the price, after how many sessions, how far.

    d  delay >= 1     s[t]  signal of session t, variance 1     R²  share of the returns' variance

The log return of session r is `volatility * (sqrt(R²) * s[r-d] + sqrt(1-R²) * e[r])` with normal
noise `e`, and the signal is a function of three white inputs u, v and w:

    linear        u + v + w
    interacting   u + v * sign(w)              v and w tell nothing when seen one by one
    threshold     u + 2 v where w > 1          v acts on a sixth of the sessions
    crossed       u + v * sign(w, 4 earlier)   two inputs at different lags
    slow          w + what u and v summed up to over 8 sessions

In the first three the signal is white and made within one session. A forecast can then know no
more of the return from t to t+h than those among the signals of sessions `t+1-d .. t+h-d` that its
window shows; those after t are not known to anybody. So window and shifts have a right answer:

    window >= d, input shift 0     all output shifts 1..d share the best skill, later ones fall off
    window 1, input shift 0        output shift d alone is best, earlier ones see nothing
    window 1, output shift 1       input shift d - 1 alone is best, all others see nothing

All other inputs are noise, half of them white like the true ones, half of them autocorrelated.
Names are dealt out at random, and every column has a unit of its own.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch.arrays import Floats

SignalKind: TypeAlias = Literal["linear", "interacting", "threshold", "crossed", "slow"]

VOLATILITY = 0.01
"""Standard deviation of a session's log return."""

SPAN = {"linear": 1, "interacting": 1, "threshold": 1, "crossed": 5, "slow": 8}
"""How many sessions of its inputs each kind of signal is made from."""


@dataclass(frozen=True, eq=False)
class Planted:
    """A file and the truth about it.

    `frame` has the columns Date (business days), Close, and x00 .. xNN in the order of their names.
    `truth` names u, v and w; it is empty where nothing can be forecast. `expected` (rows,) is the
    part of each session's log return that the signal makes, 0 in the first `delay` rows.
    """

    frame: pd.DataFrame
    truth: tuple[str, ...]
    kind: SignalKind
    delay: int
    attainable_r2: float
    expected: Floats

    @property
    def inputs(self) -> list[str]:
        """Names of all candidate columns."""
        return list(self.frame.columns[2:])

    @property
    def true_columns(self) -> list[int]:
        """Where u, v and w stand among `inputs`."""
        return [self.inputs.index(name) for name in self.truth]

    @property
    def values(self) -> NDArray[np.float32]:
        """All candidate inputs, (rows, F)."""
        return self.frame[self.inputs].to_numpy(np.float32, copy=True)

    @property
    def close(self) -> Floats:
        """(rows,)"""
        return self.frame["Close"].to_numpy(np.float64, copy=True)

    def attainable_skill(
        self, *, window: int, input_shift: int = 0, output_shift: int = 1
    ) -> float:
        """`1 - sqrt(1 - R²)` of the best forecast with these shifts, over all files like this one.

        Skill against a naive log return of 0. R² shrinks by the share of the target's sessions
        whose signal is not seen. A lower bound for `crossed` and `slow`, where a part helps too.
        """
        seen = len(self._seen_sessions(window, input_shift, output_shift))
        return 1 - math.sqrt(1 - self.attainable_r2 * seen / output_shift)

    def skill_on_rows(
        self,
        target_rows: NDArray[np.int64],
        *,
        window: int,
        input_shift: int = 0,
        output_shift: int = 1,
    ) -> float:
        """The same for these target rows of this one file: the skill of knowing the signal."""
        price, origins = np.log(self.close), target_rows - output_shift
        actual = price[target_rows] - price[origins]
        forecast = np.zeros(len(target_rows))
        for ahead in self._seen_sessions(window, input_shift, output_shift):
            forecast += self.expected[origins + ahead]
        return 1 - float(np.sqrt(np.mean((actual - forecast) ** 2) / np.mean(actual**2)))

    def _seen_sessions(self, window: int, input_shift: int, output_shift: int) -> list[int]:
        """The sessions after the origin, 1..h, all of whose signal lies in the window."""
        oldest, newest = 1 - input_shift - window, -input_shift
        first, last = -self.delay - SPAN[self.kind] + 1, -self.delay
        sessions = range(1, output_shift + 1)
        return [a for a in sessions if oldest <= a + first and a + last <= newest]


def plant(
    *,
    rows: int = 2500,
    candidates: int = 20,
    delay: int = 3,
    kind: SignalKind = "interacting",
    attainable_r2: float = 0.3,
    sharpe: float = 0.0,
    seed: int = 0,
) -> Planted:
    """A price file of `rows` sessions with three true inputs among `candidates`.

    With `attainable_r2 = 0` the price is a random walk, no input is true, and no forecast can beat
    doing nothing. `sharpe` is the walk's mean over its deviation, of a year of 252 sessions.
    """
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((rows, candidates))
    signal = _SIGNALS[kind](*white[:, :3].T)
    expected = np.zeros(rows)
    expected[delay:] = VOLATILITY * math.sqrt(attainable_r2) * signal[:-delay]
    noise = VOLATILITY * math.sqrt(1 - attainable_r2) * rng.standard_normal(rows)

    persistence = np.where(np.arange(candidates) % 2, rng.uniform(0.5, 0.98, candidates), 0.0)
    persistence[:3] = 0.0
    columns = _autocorrelated(white, persistence) * 10 ** rng.uniform(-2, 2, candidates)

    place = rng.permutation(candidates)  # column j is written in place place[j]
    written = np.empty_like(columns)
    written[:, place] = columns + rng.standard_normal(candidates)
    names = [f"x{number:02d}" for number in range(candidates)]
    frame = pd.DataFrame(written, columns=names)
    frame.insert(0, "Date", pd.bdate_range("2000-01-03", periods=rows))
    frame.insert(
        1, "Close", 100 * np.exp(np.cumsum(expected + noise + VOLATILITY * sharpe / math.sqrt(252)))
    )
    truth = tuple(names[number] for number in place[:3]) if attainable_r2 > 0 else ()
    return Planted(frame, truth, kind, delay, attainable_r2, expected)


def _threshold(u: Floats, v: Floats, w: Floats) -> Floats:
    share = math.erfc(1 / math.sqrt(2)) / 2  # of sessions with w > 1
    return (u + 2 * v * (w > 1)) / math.sqrt(1 + 4 * share)


def _slow(u: Floats, v: Floats, w: Floats) -> Floats:
    both = sum((_earlier(u + v, k) for k in range(SPAN["slow"])), np.zeros_like(u))
    return (both / math.sqrt(SPAN["slow"]) + w) / math.sqrt(3)


_SIGNALS: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "linear": lambda u, v, w: (u + v + w) / math.sqrt(3),
    "interacting": lambda u, v, w: (u + v * np.sign(w)) / math.sqrt(2),
    "threshold": _threshold,
    "crossed": lambda u, v, w: (u + v * np.sign(_earlier(w, 4))) / math.sqrt(2),
    "slow": _slow,
}
"""Signals of variance 1 from white u, v and w, each (rows,)."""


def _earlier(x: Floats, sessions: int) -> Floats:
    """The value that many sessions before, 0 in the first rows."""
    return np.concatenate([np.zeros(sessions), x[: len(x) - sessions]])


def _autocorrelated(white: Floats, persistence: Floats) -> Floats:
    """First-order autoregressions of variance 1, driven by white noise (rows, F)."""
    series = white.copy()
    for row in range(1, len(series)):
        series[row] = persistence * series[row - 1] + np.sqrt(1 - persistence**2) * white[row]
    return series

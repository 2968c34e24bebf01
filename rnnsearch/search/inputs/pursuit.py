"""Forward selection among all small terms that inputs can make: orthogonal matching pursuit.

    n  changes explained     F  inputs     K  looks     C  columns of some looks side by side

A *look* is every input k sessions before the change, or its mean over some sessions. A *term* is
an input at a look; its size there; or an input at a look as far as a second one, the gate, allows:
times the sign of the gate, or only where the gate is high, or low.

Pati, Rezaiifar and Krishnaprasad 1993: take the term with the most evidence, regress the changes on
all terms taken so far, look again at what is left. What only repeats other inputs thus comes after
them. Trying every term is a matter of matrix products, therefore quicker than trees, which moreover
have to stumble over an interaction whose parts tell nothing by themselves.

The *evidence* of a term is `-log(p * terms tried)`, where p is the chance that one useless term
fits as well: 3 means that the best of so many useless terms does so on one file in 20. The fit is
robust to changing volatility (White 1980); changes and inputs are normal scores, so that no crash
decides.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from rnnsearch.arrays import Floats

Float32s: TypeAlias = NDArray[np.float32]
Shape: TypeAlias = Literal["value", "size", "sign", "high", "low"]

FOUND = 3.0
"""Evidence from which on a term is taken: -log(1/20)."""

MAX_TERMS = 24
"""Terms taken before the rest is ordered by the evidence that is left for it."""

MEANS = (3, 5, 10, 20, 40)
"""Sessions of the trailing means that are looked at besides single sessions."""

CROSS_COLUMNS = 1_200
"""Inputs times looks among which any two are paired; beyond them only at the same look."""

HIGH = 0.8
"""Where high begins and, negative, low ends, in standard deviations: a fifth of the sessions."""


@dataclass(frozen=True)
class Step:
    """An input found: when its first term was taken, with which evidence, and with whom."""

    column: int
    evidence: float
    lags: tuple[int, int]
    partner: int | None


class Looks:
    """All inputs as they were some sessions before each change: K arrays (n, F).

    `spans` are their first and last lags; looks that reach least far back come first.
    """

    def __init__(self, known: NDArray[np.floating], lags: range) -> None:
        """`known` (lags[-1] + n - 1, F): the last row is the session before the last change."""
        scores = normal_scores(known)
        n = len(scores) + 1 - lags[-1]
        sums = np.concatenate([np.zeros((1, scores.shape[1])), scores.cumsum(axis=0, dtype=float)])

        def look(first: int, last: int) -> Float32s:
            newest, oldest = lags[-1] - first, lags[-1] - last  # rows of the first change
            if first == last:
                return scores[newest : newest + n]
            return _standardised(sums[newest + 1 : newest + 1 + n] - sums[oldest : oldest + n])

        means = [(lags[0], lags[0] + length - 1) for length in MEANS if length <= len(lags)]
        self.spans = sorted([*means, *((lag, lag) for lag in lags)], key=lambda span: span[1])
        self.arrays = [look(*span) for span in self.spans]
        self.width = scores.shape[1]
        self.crossed = min(CROSS_COLUMNS // self.width, len(self.spans))


def normal_scores(x: NDArray[np.floating]) -> Float32s:
    """Ranks along axis 0 as quantiles of the normal distribution; ties share their mean rank."""
    # A second, which a search whose ranking is known need not spend.
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return _standardised(ndtri((rankdata(x, axis=0) - 0.5) / len(x)))


def pursue(looks: Looks, changes: Float32s) -> tuple[list[Step], dict[int, float]]:
    """The inputs found, best first, and the evidence left for each of the others, most first."""
    with threadpool_limits(limits=1):
        return _pursue(looks, changes)


def _pursue(looks: Looks, changes: Float32s) -> tuple[list[Step], dict[int, float]]:
    steps: dict[int, Step] = {}
    taken = [np.ones_like(changes)]
    scan = _Scan(looks, changes)
    while scan.most > FOUND and len(taken) <= MAX_TERMS:
        for step in scan.term.steps(looks, scan.most):
            steps.setdefault(step.column, step)
        taken.append(scan.term.values(looks))
        design = np.stack(taken, axis=1)
        weights = np.linalg.lstsq(design, changes, rcond=None)[0]
        scan = _Scan(looks, changes - design @ weights)
    others = [column for column in range(looks.width) if column not in steps]
    others.sort(key=lambda column: -scan.evidence[column])
    return list(steps.values()), {column: float(scan.evidence[column]) for column in others}


@dataclass(frozen=True)
class _Term:
    """Column `column` of look `look`, shaped by column `gate` of look `gate_look`, if by any."""

    shape: Shape
    look: int
    column: int
    gate_look: int
    gate: int

    def values(self, looks: Looks) -> Float32s:
        """(n,)"""
        x = looks.arrays[self.look][:, self.column]
        if self.shape == "value":
            return x
        if self.shape == "size":
            return _sizes(x)
        return x * _gates(looks.arrays[self.gate_look][:, self.gate], self.shape)

    def steps(self, looks: Looks, evidence: float) -> list[Step]:
        """What the term says about its input, or its two inputs."""
        if self.gate == self.column:
            return [Step(self.column, evidence, looks.spans[self.look], None)]
        return [
            Step(self.column, evidence, looks.spans[self.look], self.gate),
            Step(self.gate, evidence, looks.spans[self.gate_look], self.column),
        ]


class _Scan:
    """Every term tried on what is left of the changes (n,).

    `evidence` (F,) is the most that any term with an input has, `term` the best term of all and
    `most` its evidence.
    """

    def __init__(self, looks: Looks, residual: Float32s) -> None:
        self.residual, self.width = residual, looks.width
        self.evidence = np.full(looks.width, -np.inf)
        self.term = _Term("value", 0, 0, 0, 0)
        self.most = -np.inf
        # Each kind has half of the risk: many pairs must not drown the few single looks.
        self.singles = 2 * (2 * looks.width * len(looks.arrays))
        self.pairs = 2 * looks.width**2 * (3 * len(looks.arrays) + looks.crossed**2)
        for number, x in enumerate(looks.arrays):
            self._try_singles("value", x, number)
            self._try_singles("size", _sizes(x), number)
            for shape in ("sign", "high", "low"):
                self._try_pairs(shape, x, number)
        if looks.crossed:
            self._try_pairs("sign", np.concatenate(looks.arrays[: looks.crossed], axis=1), 0)

    def _try_singles(self, shape: Shape, x: Float32s, look: int) -> None:
        """Each column of x (n, F), the look of that number."""
        fit = (self.residual @ x) ** 2 / _noise(self.residual**2 @ x**2)
        np.maximum(self.evidence, _evidence(fit, self.singles), out=self.evidence)
        best = int(fit.argmax())
        self._offer(fit[best], self.singles, _Term(shape, look, best, look, best))

    def _try_pairs(self, shape: Shape, x: Float32s, look: int) -> None:
        """Each column of x (n, C) gated by each; x are looks side by side, from that number on."""
        gates = _gates(x, shape)
        moved = x * self.residual[:, None]
        always = np.ones((len(x), 1), dtype=np.float32)  # a sign changes no square
        noise = (moved**2).T @ (always if shape == "sign" else gates)
        fit = (moved.T @ gates) ** 2 / _noise(noise)  # (C, C): column, gate
        for axis in (0, 1):
            most = fit.max(axis=axis).reshape(-1, self.width).max(axis=0)
            np.maximum(self.evidence, _evidence(most, self.pairs), out=self.evidence)
        best, best_gate = divmod(int(fit.argmax()), x.shape[1])
        later, column = divmod(best, self.width)
        gate_later, gate = divmod(best_gate, self.width)
        term = _Term(shape, look + later, column, look + gate_later, gate)
        self._offer(fit[best, best_gate], self.pairs, term)

    def _offer(self, fit: np.float32, tried: int, term: _Term) -> None:
        evidence = float(_evidence(np.array([fit]), tried)[0])
        if evidence > self.most:
            self.most, self.term = evidence, term


def _evidence(fit: Float32s, tried: int) -> Floats:
    """-log(p * tried) of squared z values, both tails."""
    from scipy.special import log_ndtr

    log_p = np.log(2) + log_ndtr(-np.sqrt(fit, dtype=np.float64))
    evidence: Floats = -log_p - np.log(tried)
    return evidence


def _noise(sum_of_squares: NDArray[np.floating]) -> Float32s:
    """Kept away from 0, which a gate that never opens would give."""
    floored: Float32s = np.maximum(sum_of_squares, 1e-3, dtype=np.float32)
    return floored


def _sizes(x: Float32s) -> Float32s:
    size = np.abs(x)
    centred: Float32s = size - size.mean(axis=0)
    return centred


def _gates(x: Float32s, shape: Shape) -> Float32s:
    """How far a look allows another one to count: its sign, or 1 and 0."""
    if shape == "sign":
        return np.where(x > 0, np.float32(1), np.float32(-1))
    return (x > HIGH if shape == "high" else x < -HIGH).astype(np.float32)


def _standardised(x: Floats) -> Float32s:
    centred = x - x.mean(axis=0)
    deviation = centred.std(axis=0)
    scaled: Float32s = (centred / np.where(deviation > 0, deviation, 1)).astype(np.float32)
    return scaled

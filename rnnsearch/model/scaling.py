"""Inputs brought to one scale, fitted on the rows of a fold's history and on no more.

The same numbers as scikit-learn's scalers, bit for bit. A worker that uses those spends a second
and 86 MB on their import, and memory for copies of all columns at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats

ScalerKind: TypeAlias = Literal["standard", "minmax", "robust"]

_BLOCK = 2**21
"""Numbers that are looked at together: 16 MB."""

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Scaler:
    """Inputs scaled as `x * scale + offset`; both (F,)."""

    scale: NDArray[np.float32]
    offset: NDArray[np.float32]


def fit_scaler(
    kind: ScalerKind, rows: NDArray[np.floating], columns: Sequence[int] | None = None
) -> Scaler:
    """Fit a scaler on `rows` (n, all inputs), the fold's history; `columns` are the F in use.

    standard  mean 0, deviation 1      minmax  -1 to 1      robust  median 0, quartile range 1

    Computed in float64. A constant column is centred and keeps its scale. Columns with NaN (in the
    warm-up) must not be among them.
    """
    chosen = np.arange(rows.shape[1]) if columns is None else np.asarray(columns)
    size = max(1, _BLOCK // len(rows))
    parts = []
    for first in range(0, len(chosen), size):
        block = rows[:, chosen[first : first + size]]
        parts.append(_FITS[kind](np.array(block.T, dtype=np.float64, order="C")))
    scale, offset = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Scaler(scale.astype(np.float32), offset.astype(np.float32))


# --- (columns, n), which may be changed -> scale and offset, (columns,) --------------------------


def _standard(x: Floats) -> tuple[Floats, Floats]:
    """Deviations by the corrected two-pass algorithm (Chan, Golub & LeVeque 1983, eq. 1.7)."""
    n = x.shape[1]
    mean = x.sum(axis=1) / n
    x -= mean[:, None]
    correction = x.sum(axis=1)
    x **= 2
    variance = (x.sum(axis=1) - correction**2 / n) / n
    scale = np.sqrt(variance)
    # No larger than what rounding makes of the variance of a constant.
    scale[variance <= n * _EPS * variance + (n * mean * _EPS) ** 2] = 1.0
    return 1 / scale, -mean / scale


def _minmax(x: Floats) -> tuple[Floats, Floats]:
    low = x.min(axis=1)
    scale = 2 / _not_zero(x.max(axis=1) - low)
    return scale, -1 - low * scale


def _robust(x: Floats) -> tuple[Floats, Floats]:
    low, high = np.percentile(x, (25, 75), axis=1)
    scale = _not_zero(high - low)
    return 1 / scale, -np.median(x, axis=1) / scale


def _not_zero(scale: Floats) -> Floats:
    return np.where(scale < 10 * _EPS, 1.0, scale)


_FITS: dict[ScalerKind, Callable[[Floats], tuple[Floats, Floats]]] = {
    "standard": _standard,
    "minmax": _minmax,
    "robust": _robust,
}

"""Arrays by what they hold."""

from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]
"""Numbers of rows, in order."""

T = TypeVar("T", bound=np.generic)


def rounded(values: Floats) -> list[float]:
    """Seven digits: enough for a plot and a table, and half the size."""
    return [float(f"{value:.7g}") for value in values]


def read_only(values: NDArray[T]) -> NDArray[T]:
    """The same numbers, which whoever is given them cannot change."""
    view = values.view()
    view.flags.writeable = False
    return view

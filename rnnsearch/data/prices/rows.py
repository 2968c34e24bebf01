"""The rows of a series under the numbers that they have in their file."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch import shown

LISTED = 5
"""Most rows that a message lists."""


@dataclass(frozen=True, eq=False)
class FileRows:
    """Rows of a series, oldest first.

    file     its name in messages
    dates    (rows,) of its sessions
    numbers  (rows,) of the row in the file, where 1 is the first below the header
    """

    file: str
    dates: pd.DatetimeIndex
    numbers: NDArray[np.int64]

    @classmethod
    def plain(cls, file: str, dates: pd.DatetimeIndex) -> "FileRows":
        """Rows of a file that has the oldest first and nothing else."""
        return cls(file, dates, np.arange(1, len(dates) + 1))

    def __getitem__(self, row: int) -> str:
        """`row 812 (2014-03-07)`."""
        return f"row {self.numbers[row]} ({day(self.dates, row)})"

    def take(self, rows: NDArray[np.intp]) -> "FileRows":
        return FileRows(self.file, self.dates[rows], self.numbers[rows])

    def listed(self, rows: NDArray[np.intp]) -> str:
        """` (12 such rows: 25, 40, 41, 53, 60, ...)`; of one row nothing."""
        if len(rows) < 2:
            return ""
        shown = ", ".join(str(number) for number in sorted(self.numbers[rows])[:LISTED])
        return f" ({len(rows)} such rows: {shown}{', ...' * (len(rows) > LISTED)})"


def day(dates: pd.Index, row: int) -> str:
    """One of the dates as a user writes it."""
    return shown.day(dates[row])

"""A canary for look-ahead in columns that users build themselves.

Their command is run on the whole price file and on the file cut off at several rows. What it says
about a session must not depend on sessions that came later: a value that does would not have been
had on that day, and a network that is fed with it learns from the future.
"""

import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch.config import StudyFile
from rnnsearch.data.files.dispatch import read_table
from rnnsearch.data.prices.load import read_prices
from rnnsearch.data.scratch import scratch
from rnnsearch.errors import DataError, StudyFileError

Floats = NDArray[np.float64]

SHARES = (0.5, 0.65, 0.8, 0.95)  # of the rows, where the file is cut
LAST = (1, 2, 3)  # and so many rows before its end: a week's or month's last day hides a leak
SAME = 1e-6  # of a column's deviation: less is rounding
PATIENCE = 600  # seconds for one run of the command


@dataclass(frozen=True)
class Leak:
    """A column whose earlier values change when later rows are added.

    date    the first session whose value changed
    cut     the last session of the shorter file
    short   its value there, and `long` the one with later sessions; NaN where there was none
    rows    how many values changed, up to `cut`
    """

    column: str
    date: pd.Timestamp
    cut: pd.Timestamp
    short: float
    long: float
    rows: int

    def __str__(self) -> str:
        return (
            f"column {self.column!r} looks ahead: its value of {_day(self.date)} is "
            f"{_shown(self.short)} where the prices end on {_day(self.cut)} and "
            f"{_shown(self.long)} with later prices ({self.rows} such values up to that day)"
        )


def check_columns(study: StudyFile, command: str) -> str:
    """Say that no column of the command looks ahead. Raises DataError with every one that does.

    command  with `{input}` and `{output}`: it reads the first, a CSV of the study's prices (Date,
             then the columns as `search` reads them), and writes the second, a CSV with one row
             for each of them and further columns; no shell is involved
    """
    leaks, names, cuts = find_leaks(read_prices(study.data).frame, command)
    if leaks:
        raise DataError(
            "\n".join(map(str, leaks)) + "\nBuild each value of that session and earlier ones "
            "only: no filter, decomposition or scaling over the whole series, no centred window, "
            "no filling backward"
        )
    return f"canary: no earlier value of {', '.join(names)} changed in {cuts} cuts of the file"


def find_leaks(frame: pd.DataFrame, command: str) -> tuple[list[Leak], list[str], int]:
    """The first leak of each column, all columns looked at, and how often the file was cut.

    `frame` has a DatetimeIndex. Raises StudyFileError for a command without its places, DataError
    where it fails, writes nothing, or writes other rows or other columns than before.
    """
    if "{input}" not in command or "{output}" not in command:
        raise StudyFileError(
            "--canary: the command needs {input} and {output} where the names of the files go, as "
            f'"python build.py {{input}} {{output}}", got {command!r}'
        )
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        run = _Command(command, Path(folder))
        whole = run(frame)
        if difference := _first_difference(whole, run(frame)):
            raise DataError(
                f"{run}: column {difference[0]!r} has other values when the command runs twice on "
                "the same file, so nothing can be told; fix its random seed"
            )
        rows = len(frame)
        cuts = sorted({int(rows * share) for share in SHARES} | {rows - n for n in LAST})
        leaks: dict[str, Leak] = {}
        for cut in cuts:
            for leak in _leaks(whole, run(frame[:cut])):
                leaks.setdefault(leak.column, leak)
    return list(leaks.values()), list(whole.columns), len(cuts)


class _Command:
    """The user's command, run on a table in a folder of its own each time."""

    def __init__(self, command: str, folder: Path) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise StudyFileError(f"--canary: {command!r} cannot be read: {error}") from None
        self._folder = folder
        self._runs = 0

    def __str__(self) -> str:
        return f"--canary {self._words[0]}"

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The numeric columns it writes, by session."""
        self._runs += 1
        folder = self._folder / str(self._runs)
        folder.mkdir()
        given, made = folder / "input.csv", folder / "output.csv"
        frame.to_csv(given, index_label="Date")
        words = [
            w.replace("{input}", str(given)).replace("{output}", str(made)) for w in self._words
        ]
        about = f"{self}, on {len(frame)} rows"
        try:
            ended = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DataError(f"{about}: did not end within {PATIENCE} s; make it faster") from None
        except OSError as error:
            raise DataError(
                f"{about}: cannot be run: {error.strerror}; give the full name of the program"
            ) from None
        if ended.returncode:
            lines = ended.stderr.decode(errors="replace").strip().splitlines()
            raise DataError(
                f"{about}: ended with exit code {ended.returncode}"
                + (f": {lines[-1][:200]}" if lines else "")
                + "; it must work on every file that is long enough for a study"
            )
        if not made.exists():
            raise DataError(f"{about}: wrote no {{output}}; write a CSV file of that name")
        return self._numbers(about, frame, read_table(made).frame)

    def _numbers(self, about: str, frame: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
        if len(table) != len(frame):
            raise DataError(
                f"{about}: {{output}} has {len(table)} rows; write one for each session, and leave "
                "a value empty where there is none yet"
            )
        if "Date" in table:
            dates = pd.to_datetime(table.pop("Date"), errors="coerce")
            if (wrong := np.flatnonzero(dates.to_numpy() != frame.index.to_numpy())).size:
                raise DataError(
                    f"{about}: row {wrong[0] + 1} of {{output}} is of another date than that of "
                    f"{{input}}, {_day(frame.index[wrong[0]])}; keep dates and their order"
                )
        numbers = table.select_dtypes("number").astype(np.float64)
        if numbers.empty:
            raise DataError(f"{about}: {{output}} has no column of numbers beside the date")
        return numbers.set_index(frame.index)


def _leaks(whole: pd.DataFrame, short: pd.DataFrame) -> list[Leak]:
    """Where the columns of the whole file differ from those of its head."""
    cut = short.index[-1]
    leaks = []
    for name in whole:
        long = whole[name].to_numpy()[: len(short)]
        # A column that is not there, or not of numbers: all its values are absent.
        had = short[name].to_numpy() if name in short else np.full(len(short), np.nan)
        changed = np.flatnonzero(_differ(long, had, whole[name].to_numpy()))
        if len(changed):
            row = changed[0]
            leaks.append(Leak(str(name), short.index[row], cut, had[row], long[row], len(changed)))
    return leaks


def _differ(a: Floats, b: Floats, column: Floats) -> NDArray[np.bool_]:
    """Which values differ by more than rounding; a value and none do."""
    known = column[np.isfinite(column)]
    slack = SAME * float(known.std()) if len(known) else 0.0
    same: NDArray[np.bool_] = np.isclose(a, b, rtol=1e-9, atol=slack, equal_nan=True)
    return ~same


def _first_difference(a: pd.DataFrame, b: pd.DataFrame) -> tuple[str, int] | None:
    for name in a:
        values = a[name].to_numpy()
        other = b[name].to_numpy() if name in b else np.full(len(b), np.nan)
        if (wrong := np.flatnonzero(_differ(values, other, values))).size:
            return str(name), int(wrong[0])
    return None


def _day(date: pd.Timestamp) -> str:
    return str(date).removesuffix(" 00:00:00")


def _shown(value: float) -> str:
    return "absent" if np.isnan(value) else f"{value:.6g}"

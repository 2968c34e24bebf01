"""A canary for look-ahead in columns that users build themselves.

Their command is run on the whole price file and on the file cut off at several rows. What it says
about a session must not depend on sessions that came later: a value that does would not have been
had on that day, and a network that is fed with it learns from the future.
"""

import shlex
import subprocess
import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rnnsearch.config import StudyFile
from rnnsearch.data.files.dispatch import read_table
from rnnsearch.data.files.names import key
from rnnsearch.data.inputs import lookahead
from rnnsearch.data.inputs.lookahead import REMEDY, Leak, cut_rows, first_difference
from rnnsearch.data.prices.load import read_prices
from rnnsearch.data.scratch import scratch
from rnnsearch.errors import DataError, StudyFileError
from rnnsearch.language import _, listed
from rnnsearch.shown import day

PATIENCE = 600  # seconds for one run of the command


def check_columns(study: StudyFile, command: str) -> str:
    """Say that no column of the command looks ahead. Raises DataError with every one that does.

    Columns that the study names in `known_ahead` may look ahead in what is known ahead, and at
    nothing else: they are judged by files of the whole length with other values after a row.

    command  with `{input}` and `{output}`: it reads the first, a CSV of the study's prices (Date,
             then the columns as `search` reads them), and writes the second, a CSV with one row
             for each of them and further columns; no shell is involved
    """
    ahead = {key(name) for name in study.data.known_ahead}
    leaks, names, cuts = find_leaks(read_prices(study.data).frame, command, ahead)
    allowed = [name for name in names if key(name) in ahead]
    if leaks:
        raise DataError("\n".join(map(str, leaks)) + f"\n{REMEDY}")
    said = _(
        "canary: no earlier value of {names} changed in {cuts} cuts of the file",
        names=listed(names),
        cuts=cuts,
    )
    if allowed:
        said += _(
            "; {names} may look ahead, but not at prices (known_ahead)", names=listed(allowed)
        )
    return said


def find_leaks(
    frame: pd.DataFrame, command: str, ahead: Collection[str] = ()
) -> tuple[list[Leak], list[str], int]:
    """The first leak of each column, all columns looked at, and how often the file was cut.

    `frame` has a DatetimeIndex. `ahead`: columns that are known ahead, by `names.key`.

    Raises StudyFileError for a command without its places, DataError where it fails, writes
    nothing, or writes other rows or other columns than before.
    """
    if "{input}" not in command or "{output}" not in command:
        raise StudyFileError(
            "--canary: the command needs {input} and {output} where the names of the files go, as "
            f'"python build.py {{input}} {{output}}", got {command!r}'
        )
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        run = _Command(command, Path(folder))
        whole = run(frame)
        if difference := first_difference(whole, run(frame)):
            raise DataError(
                f"{run}: column {difference[0]!r} has other values when the command runs twice on "
                "the same file, so nothing can be told; fix its random seed"
            )
        cuts = cut_rows(len(frame))
        leaks: dict[str, Leak] = {}
        for cut in cuts:
            found = lookahead.find_leaks(whole, run(frame[:cut]))
            found = [leak for leak in found if key(leak.column) not in ahead]
            if ahead:
                other = run(_with_others_after(frame, cut, ahead))[:cut]
                found += [
                    replace(leak, others=True)
                    for leak in lookahead.find_leaks(whole, other)
                    if key(leak.column) in ahead
                ]
            for leak in found:
                leaks.setdefault(leak.column, leak)
    return list(leaks.values()), list(whole.columns), len(cuts)


def _with_others_after(frame: pd.DataFrame, cut: int, ahead: Collection[str]) -> pd.DataFrame:
    """The file with the values of its first rows from row `cut` on, but for what is known ahead."""
    rows = np.arange(len(frame))
    rows[cut:] = (rows[cut:] - cut) % cut
    others = {name: frame[name].to_numpy()[rows] for name in frame if key(str(name)) not in ahead}
    return frame.assign(**{str(name): values for name, values in others.items()})


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
                    f"{{input}}, {day(frame.index[wrong[0]])}; keep dates and their order"
                )
        numbers = table.select_dtypes("number").astype(np.float64)
        if numbers.empty:
            raise DataError(f"{about}: {{output}} has no column of numbers beside the date")
        return numbers.set_index(frame.index)

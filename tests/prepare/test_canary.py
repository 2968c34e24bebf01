"""The canary names columns that look ahead, and only those."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import DataError, StudyFileError
from rnnsearch.prepare.canary import check_columns, find_leaks
from tests.helpers.evaluated import write_bars
from tests.helpers.searches import write_study

HEAD = """
import sys
import numpy as np
import pandas as pd
frame = pd.read_csv(sys.argv[1], parse_dates=["Date"])
close = frame["Close"]
"""
TAIL = """
frame.to_csv(sys.argv[2], index=False)
"""
HONEST = {
    "trailing mean": 'frame["x"] = close.rolling(10).mean()',
    "exponential mean": 'frame["x"] = close.ewm(span=12).mean()',
    "expanding scale": 'frame["x"] = (close - close.expanding().mean()) / close.expanding().std()',
    "lag": 'frame["x"] = close.shift(3)',
    "trailing week": 'frame["x"] = close.rolling("7D").max() if 0 else close.rolling(5).max()',
}
LEAKING = {
    "Savitzky-Golay": "from scipy.signal import savgol_filter\n"
    'frame["x"] = savgol_filter(close, 21, 3)',
    "normalisation": 'frame["x"] = (close - close.mean()) / close.std()',
    "wavelet": "step = np.exp(-0.5 * (np.arange(-8, 9) / 3) ** 2)\n"
    'frame["x"] = np.convolve(close, step / step.sum(), mode="same")',
    "Fourier": "spectrum = np.fft.rfft(close); spectrum[20:] = 0\n"
    'frame["x"] = np.fft.irfft(spectrum, len(close))',
    "centred mean": 'frame["x"] = close.rolling(5, center=True).mean()',
    "filled backward": 'frame["x"] = close.where(frame.index % 10 == 9).bfill()',
    "tomorrow": 'frame["x"] = close.shift(-1)',
    "whole week": 'frame["x"] = close.groupby(frame["Date"].dt.to_period("W")).transform("last")',
    "rewritten close": 'frame["Close"] = close[::-1].ewm(span=5).mean()[::-1]',
}


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    path = write_bars(tmp_path_factory.mktemp("canary") / "bars.csv", rows=300)
    return pd.read_csv(path, parse_dates=["Date"], index_col="Date").astype(np.float64)


def script(folder: Path, body: str) -> str:
    """A command that runs a real script; without pandas, which takes a second to start."""
    path = folder / "build columns.py"
    path.write_text(
        "import csv, random, sys\n"
        "rows = list(csv.DictReader(open(sys.argv[1])))\n"
        "close = [float(row['Close']) for row in rows]\n"
        f"{body}\n"
        "with open(sys.argv[2], 'w') as file:\n"
        "    writer = csv.DictWriter(file, rows[0])\n"
        "    writer.writeheader()\n"
        "    writer.writerows(rows)\n"
    )
    return f"{sys.executable} '{path}' {{input}} {{output}}"


def in_process(body: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A command of pandas, run in this process."""

    def run(words: list[str], **_: object) -> object:
        import subprocess

        argv, sys.argv = sys.argv, words
        try:
            exec(HEAD + body + TAIL, {})
        finally:
            sys.argv = argv
        return subprocess.CompletedProcess(words, 0, b"", b"")

    monkeypatch.setattr("rnnsearch.prepare.canary.subprocess.run", run)
    return "build {input} {output}"


@pytest.mark.parametrize("kind", LEAKING)
def test_a_column_that_looks_ahead_is_named(
    frame: pd.DataFrame, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks, names, cuts = find_leaks(frame, in_process(LEAKING[kind], monkeypatch))
    column = "Close" if kind == "rewritten close" else "x"
    assert [leak.column for leak in leaks] == [column]
    assert set(names) == set(frame.columns) | {column}
    assert cuts == 7
    assert leaks[0].date <= leaks[0].cut < frame.index[-1]


@pytest.mark.parametrize("kind", HONEST)
def test_an_honest_column_is_passed(
    frame: pd.DataFrame, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks, names, _ = find_leaks(frame, in_process(HONEST[kind], monkeypatch))
    assert leaks == []
    assert "x" in names


def test_a_leak_is_told_with_column_first_date_and_cut(frame: pd.DataFrame, tmp_path: Path) -> None:
    body = (
        "for row, past, now in zip(rows, [''] * 2 + close, close[2:] + [''] * 2):\n"
        "    row |= {'past': past, 'ahead': now}"
    )
    (leak,), _, _ = find_leaks(frame, script(tmp_path, body))
    cut = len(frame) // 2
    assert leak.cut == frame.index[cut - 1]
    assert leak.date == frame.index[cut - 2]
    assert np.isnan(leak.short)
    assert leak.long == pytest.approx(frame["Close"].iloc[cut])
    assert leak.rows == 2
    text = str(leak)
    assert f"column 'ahead' looks ahead: its value of {leak.date:%Y-%m-%d} is absent" in text
    assert f"where the prices end on {leak.cut:%Y-%m-%d}" in text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise SystemExit('no licence for this')", "exit code 1: no licence for this"),
        ("sys.argv[2] += '.not'", "wrote no {output}"),
        ("rows = rows[20:]", "{output} has 280 rows; write one for each session"),
        ("rows = rows[::-1]", "row 1 of {output} is of another date"),
        ("rows = [{'Date': r['Date'], 'x': 'a'} for r in rows]", "has no column of numbers"),
        ("for row in rows: row['x'] = random.random()", "fix its random seed"),
        ("assert len(rows) > 200, 'too short'", "on 150 rows: .*too short"),
    ],
)
def test_a_command_that_fails_is_told_with_its_reason(
    frame: pd.DataFrame, tmp_path: Path, body: str, message: str
) -> None:
    with pytest.raises(DataError, match=message.replace("{", r"\{").replace("}", r"\}")):
        find_leaks(frame, script(tmp_path, body))


def test_a_command_without_its_places_or_program_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(StudyFileError, match=r"needs \{input\} and \{output\}"):
        find_leaks(frame, "python build.py")
    with pytest.raises(StudyFileError, match="No closing quotation"):
        find_leaks(frame, "python 'build.py {input} {output}")
    with pytest.raises(DataError, match="cannot be run: No such file"):
        find_leaks(frame, "no-such-program {input} {output}")


def test_the_study_s_own_prices_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bars(tmp_path / "bars.csv", rows=300)
    study = load_study(write_study(tmp_path, data={"path": "bars.csv"}))
    said = check_columns(study, in_process(HONEST["lag"], monkeypatch))
    assert said.startswith("canary: no earlier value of Open, High, Low, Close, Volume, Breadth, x")
    with pytest.raises(DataError, match="column 'x' looks ahead") as error:
        check_columns(study, in_process(LEAKING["Fourier"], monkeypatch))
    assert "no filter, decomposition or scaling over the whole series" in str(error.value)

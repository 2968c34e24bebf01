"""A week of days by the real commands: killed at random, and each forecast is there once."""

import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from rnnsearch import cli
from rnnsearch.config import load_study
from rnnsearch.data.markets import yahoo
from rnnsearch.search.store.journal import entries
from rnnsearch.search.store.store import Store
from rnnsearch.verdict.journal.reading import journal
from tests.helpers.evaluated import search_inline, write_bars
from tests.helpers.faults import ended
from tests.helpers.places import ROOT
from tests.helpers.recorded import Days, set_clock
from tests.helpers.searches import write_study

MONDAY, FRIDAY = 290, 294


def in_a_process(*arguments: object, dies_after: float | None = None) -> int:
    """How a command ends that runs in a process of its own, and is killed after some seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12, of forks with threads
        child = os.fork()
    if child == 0:
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            sys.argv = ["rnnsearch", *map(str, arguments)]
            os._exit(cli._exit_code())
        finally:
            os._exit(99)
    if dies_after is not None:
        time.sleep(dies_after)
        os.kill(child, signal.SIGKILL)
    return ended(child)


@pytest.mark.slow
def test_a_week_whose_commands_are_killed_at_random_has_each_forecast_once(days: Days) -> None:
    import mlflow.pyfunc  # noqa: F401 - once, and not in each process

    path, chance = days.study.path, random.Random(11)
    takes = 1.0
    for row in range(MONDAY, FRIDAY + 1):
        days.end(row)
        steps: list[tuple[object, ...]] = [("predict", path, "--record"), ("journal", path)]
        if row == MONDAY + 2:
            steps.insert(1, ("refit", path))
        for step in steps:
            in_a_process(*step, dies_after=chance.uniform(0, takes))
            begun = time.monotonic()
            assert os.waitstatus_to_exitcode(in_a_process(*step)) == 0
            takes = time.monotonic() - begun
    study = days.study.study
    found = entries(Store(study, create=False))
    assert len({entry.key for entry in found}) == len(found)
    made_from = {entry.origin for entry in found}
    assert made_from >= {str(days.frame["Date"][row]) for row in range(MONDAY, FRIDAY + 1)}
    assert len({entry.version for entry in found}) == 2  # before and after the refit
    assert not any(entry.said.late for entry in found)
    days.end(299)
    told = journal(study)
    (one,) = told["champions"]
    assert one["counted"] == len(made_from)
    assert one["counted"] + one["repeated"] == len(found)
    assert journal(study) == told | {"new": 0}


def yahoo_s(frame: pd.DataFrame) -> Callable[..., pd.DataFrame]:
    """Yahoo Finance, with the rows of this frame."""

    def answer(ticker: str, start: object, end: object) -> pd.DataFrame:
        dates = frame.index.date
        return frame[(dates >= start) & (dates < end)]

    return answer


@pytest.mark.slow
def test_the_recipe_of_the_documents_works_and_twice_on_one_day_changes_nothing(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rnnsearch: Callable[..., Result],
) -> None:
    text = (ROOT / "docs/daily.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", text, re.S)
    lines = [line.strip() for line in script.splitlines()]
    recipe = [shlex.split(line)[1:] for line in lines if line.startswith("rnnsearch ")]
    assert [command for command, *_ in recipe] == ["fetch", "refit", "predict", "journal"]

    monkeypatch.chdir(tmp_path)
    frame = pd.read_csv(write_bars(tmp_path / "bars.csv", 302), index_col="Date", parse_dates=True)
    frame["Adj Close"] = frame["Close"]
    frame = frame[yahoo.COLUMNS]
    (tmp_path / "prices").mkdir()
    file = tmp_path / "prices" / "gspc.csv"
    frame[:300].to_csv(file)
    settings = {"split": {"test": 0.0}, "study": {"trials": 1}}
    data = {"path": "../prices/gspc.csv", "calendar": "24/5"}
    study = write_study(tmp_path / "studies", "gspc", data=data, **settings)
    search_inline(study)

    monkeypatch.setattr(yahoo, "_download", yahoo_s(frame))

    def day() -> tuple[list[str], list[object]]:
        said = []
        for arguments in recipe:
            code, out, err = rnnsearch(*arguments)
            assert code == 0, err
            said.append(out)
        kept = entries(Store(load_study(study), create=False))
        return said, [file.stat().st_mtime_ns, file.read_bytes(), kept]

    midnight = frame.index[301].tz_localize("UTC") + pd.Timedelta(hours=24.5)
    set_clock(monkeypatch, midnight.to_pydatetime())
    first, before = day()
    assert "302 rows, " in first[0]
    assert ", 2 new" in first[0]
    assert "is trained on" in first[1]
    assert "new, 0 there already" in first[2]
    assert re.search(r"waits? for (its|their) day", first[3])
    second, after = day()
    assert after == before
    assert ", 0 new" in second[0]
    assert "was trained before on the same" in second[1]
    assert "journal: 0 new" in second[2]
    assert second[3] == first[3]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
def test_systemd_takes_the_units_of_the_documents(tmp_path: Path) -> None:
    text = (ROOT / "docs/daily.md").read_text(encoding="utf-8")
    units = dict(
        zip(("service", "timer", "path"), re.findall(r"```ini\n(.*?)```", text, re.S), strict=True)
    )
    script = tmp_path / "rnnsearch" / "daily.sh"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    files = []
    for kind, unit in units.items():
        files.append(tmp_path / f"rnnsearch-daily.{kind}")
        files[-1].write_text(unit.replace("%h", str(tmp_path)))
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, files)], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if "rnnsearch-daily" in line] == []

"""Many series are read: how many of how many is told, and to nobody who reads a pipe."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from rnnsearch.config import StudyFile, load_study
from rnnsearch.errors import DataError
from rnnsearch.language import in_language
from rnnsearch.many import reading
from rnnsearch.many.reading import notes, read_all
from rnnsearch.search import side_by_side
from rnnsearch.search.problem import Problem
from tests.helpers.many import members, write_many
from tests.helpers.pooled import write_pooled

pytestmark = pytest.mark.usefixtures("home")

Command = Callable[..., tuple[int, str, str]]


def test_every_series_that_is_read_is_counted_also_one_that_cannot_be_used(tmp_path: Path) -> None:
    path = write_many(tmp_path, data={"skip_bad": True})
    (tmp_path / "prices" / "T1.csv").write_text("Date,Close\n2020-01-01,x\n")
    told: list[tuple[int, int]] = []
    read = read_all(members(path), print, reading=lambda *counts: told.append(counts))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert len(read.problems) == 2


@pytest.mark.parametrize("at_once", [1, 40])
def test_those_of_one_network_are_counted_by_however_many_processes_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(side_by_side, "PARALLEL", at_once)
    path = write_pooled(tmp_path)
    told: list[tuple[int, int]] = []
    problem = Problem.load(load_study(path), reading=lambda *counts: told.append(counts))
    assert told == [(done, 4) for done in range(5)]
    assert problem.table.hash == Problem.load(load_study(path)).table.hash
    (tmp_path / "panel" / "P1.csv").write_text("Date,Close\n2020-01-01,x\n")
    told.clear()
    with pytest.raises(DataError, match="1 of 4 series cannot be used"):
        Problem.load(load_study(path), reading=lambda *counts: told.append(counts))
    assert told == [(done, 4) for done in range(5)]


def test_series_whose_inputs_are_not_made_yet_are_made_by_several_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_many(tmp_path, count=4, data={"skip_bad": True})
    (tmp_path / "prices" / "T2.csv").write_text("Date,Close\n2020-01-01,x\n")
    family = members(path)
    monkeypatch.setattr(side_by_side, "PARALLEL", 1)
    monkeypatch.setattr(reading, "MANY", 1)
    built: list[str] = []

    def note(cache: Path, study: StudyFile) -> None:
        built.append(study.name)

    told: list[tuple[int, int]] = []
    anew = read_all(family, print, reading=lambda *counts: told.append(counts))
    assert told == [(done, 4) for done in range(5)]
    assert [member.series for member in anew.bad] == ["T2"]
    monkeypatch.setattr(reading, "_build", note)
    again = read_all(family, print)
    assert built == [], "all is in the cache"
    assert again.bad == anew.bad
    tables = [[one.table.hash for one in read.problems.values()] for read in (anew, again)]
    assert tables[0] == tables[1]


def test_what_is_odd_in_many_files_is_told_once_in_the_users_language(tmp_path: Path) -> None:
    path = write_many(tmp_path, count=2)
    for file in (tmp_path / "prices").iterdir():
        pd.read_csv(file).assign(Note="x").to_csv(file, index=False)
    read = read_all(members(path), print)
    assert [*notes(read)] == ["T0 and 1 more: column 'Note' is not numeric and is ignored."]
    with in_language("zh-TW"):
        (told,) = notes(read)
    assert "不是數值" in told
    assert "and 1 more" not in told


@pytest.mark.parametrize("write", [write_many, write_pooled])
def test_a_pipe_reads_nothing_of_it(
    tmp_path: Path, rnnsearch: Command, write: Callable[..., Path]
) -> None:
    path = write(tmp_path, count=2, study={"trials": 1})
    for flags in ((), ("--quiet",)):
        code, out, err = rnnsearch("search", path, *flags)
        assert code == 0, err
        assert "reading" not in out + err

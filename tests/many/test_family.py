"""The studies that one study file makes, and what is told of a file that makes none."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import DataError, StudyFileError
from rnnsearch.many.family import family_of, one_of, study_name
from rnnsearch.many.reading import read_all
from tests.helpers.many import walks, write_files, write_many, write_together
from tests.helpers.searches import write_study

Command = Callable[..., tuple[int, str, str]]


def test_each_series_has_a_study_of_its_own(tmp_path: Path) -> None:
    family = family_of(load_study(write_many(tmp_path)))
    assert family is not None
    assert [one.series for one in family.members] == ["T0", "T1", "T2"]
    assert [one.study.name for one in family.members] == ["stocks.T0", "stocks.T1", "stocks.T2"]
    assert {one.study.family for one in family.members} == {"stocks"}


def test_a_series_study_has_the_fingerprint_that_its_file_alone_would_have(tmp_path: Path) -> None:
    family = family_of(load_study(write_many(tmp_path)))
    assert family is not None
    alone = write_study(tmp_path, "alone", data={"path": "prices/T1.csv"}, study={"trials": 3})
    assert family.members[1].study.fingerprint() == load_study(alone).fingerprint()


def test_a_study_of_one_series_is_none_of_many(tmp_path: Path) -> None:
    study = load_study(write_study(tmp_path))
    assert family_of(study) is None
    assert one_of(study, ()) is study
    with pytest.raises(StudyFileError, match="is of one series, so none is named; leave it out"):
        one_of(study, ("T0",))


def test_names_that_fit_in_no_file_stay_apart_whatever_other_series_there_are() -> None:
    assert study_name("stocks", "BRK-B") == "stocks.BRK-B"
    names = {study_name("stocks", name) for name in ("BRK/B", "BRK B", "BRK_B", "B" * 200)}
    assert len(names) == 4
    assert max(map(len, names)) <= 100


@pytest.mark.parametrize(("wanted", "found"), [("t1", "T1"), ("50", "0050"), ("0050", "0050")])
def test_a_series_is_found_by_its_name_in_any_case(tmp_path: Path, wanted: str, found: str) -> None:
    path = write_many(tmp_path)
    write_files(tmp_path / "prices", {"0050": walks(1)["T0"]})
    family = family_of(load_study(path))
    assert family is not None
    assert [one.series for one in family.only((wanted,)).members] == [found]


@pytest.mark.parametrize(
    "command", ["search", "status", "evaluate", "predict", "report", "refit", "sync", "check"]
)
def test_a_series_that_is_not_there_is_told_with_those_that_are(
    tmp_path: Path, home: Path, rnnsearch: Command, command: str
) -> None:
    path = write_many(tmp_path)
    names = "T9" if command == "check" else "T0,T9"
    code, _, err = rnnsearch(command, path, "--series", names)
    assert code == 2
    assert "has no series 'T9'; did you mean T" in err
    assert "it has T0, T1, T2" in err


def test_inputs_are_those_of_all_and_a_table_of_them_asks_which(
    tmp_path: Path, home: Path, rnnsearch: Command
) -> None:
    path = write_many(tmp_path)
    code, out, err = rnnsearch("inputs", path)
    assert code == 0, err
    assert re.search(r"return .* 3 *$", out, re.M), out
    code, _, err = rnnsearch("inputs", path, "--export", tmp_path / "x.csv")
    assert (code, "as --series T0" in err) == (2, True), err
    flags = ("--series", "T0", "--export", tmp_path / "x.csv")
    code, out, err = rnnsearch("inputs", path, *flags)  # as it says
    assert (code, "inputs" in out) == (0, True), err


def test_a_rehearsal_says_where_all_would_be(
    tmp_path: Path, home: Path, rnnsearch: Command
) -> None:
    code, out, err = rnnsearch("search", write_many(tmp_path), "--dry-run")
    assert code == 0, err
    assert "3 series, each a study of its own" in out
    assert "studies stocks.* in" in out


def test_a_journal_of_many_tells_each_that_has_one(
    tmp_path: Path, home: Path, rnnsearch: Command
) -> None:
    path = write_many(tmp_path)
    code, out, err = rnnsearch("journal", path)
    assert code == 0, err
    assert "no forecast of its 3 series is recorded" in out


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"path": "prices"}, {"path": "prices/*.csv"}),
        ({"path": "long.csv", "series": "all"}, {"path": "long.csv", "series": "*"}),
    ],
)
def test_what_is_nearly_a_study_of_many_says_how_it_becomes_one(
    tmp_path: Path, home: Path, rnnsearch: Command, wrong: dict[str, str], advice: dict[str, str]
) -> None:
    write_together(tmp_path, "long", walks(3))
    code, _, err = rnnsearch("check", write_many(tmp_path, data=wrong))
    value = list(advice.values())[-1]
    assert (code, value in err) == (3, True), err
    family = family_of(load_study(write_many(tmp_path, data=advice)))  # as it says
    assert family is not None
    assert [one.series for one in family.members] == ["T0", "T1", "T2"]


def test_a_bad_series_is_named_and_left_out_where_that_is_asked_for(
    tmp_path: Path, home: Path, rnnsearch: Command
) -> None:
    path = write_many(tmp_path)
    bad = tmp_path / "prices" / "T3.csv"
    bad.write_text((tmp_path / "prices" / "T0.csv").read_text().replace("2020-03-02", "2020-02-28"))
    family = family_of(load_study(path))
    assert family is not None
    with pytest.raises(DataError) as refused:
        read_all(family, print)
    assert "1 of 4 series cannot be used; correct or remove it, or leave" in str(refused.value)
    assert "T3: T3.csv: dates must" in str(refused.value)
    skipping = write_many(tmp_path, data={"skip_bad": True})  # as it says
    code, out, err = rnnsearch("check", skipping)
    assert code == 0, err
    assert "T3: T3.csv: dates must" in out
    assert "stocks has 3 series" in out


def test_all_bad_series_are_refused_whatever_is_asked_for(tmp_path: Path) -> None:
    path = write_many(tmp_path, data={"skip_bad": True})
    for file in (tmp_path / "prices").iterdir():
        file.write_text("Date,Close\n2020-01-01,1\n")
    family = family_of(load_study(path))
    assert family is not None
    with pytest.raises(DataError, match="3 of 3 series cannot be used"):
        read_all(family, print)


def test_a_pattern_and_a_series_of_a_join_go_together(tmp_path: Path, home: Path) -> None:
    data = write_together(tmp_path, "wide", walks(2))
    path = write_many(tmp_path)
    closes = 'close_time = "16:00"\ntime_zone = "America/New_York"'
    text = path.read_text().replace("[data]", f"[data]\n{closes}")
    joined = (
        f'\n[[data.join]]\npath = "{data["path"]}"\nseries = "T1"\nlayout = "wide"\nprefix = "t1_"'
    )
    path.write_text(f"{text}{joined}\n{closes}\n")
    family = family_of(load_study(path))
    assert family is not None
    problems = read_all(family, print).problems
    assert all("t1_return" in problem.table.names for problem in problems.values())

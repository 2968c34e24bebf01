"""Studies beside each other: all of a store, and what differs between some."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rnnsearch.config import load_study
from rnnsearch.errors import AbsentStudyError, StudyFileError
from rnnsearch.report.shelf.comparing import compare
from rnnsearch.report.shelf.listing import listing
from rnnsearch.search.store.store import Store
from rnnsearch.terminal.shelf import comparison_tables, listing_table
from tests.helpers.evaluated import Evaluated, search_inline
from tests.helpers.searches import write_study

Result = tuple[int, str, str]


def searched(folder: Path, name: str, trials: int = 2, **changes: Any) -> Path:
    path = write_study(folder, name, study={"trials": trials, "seed": 1}, **changes)
    search_inline(path)
    return path


def shown(*parts: Any) -> str:
    console = Console(width=120, file=(text := StringIO()))
    for part in parts:
        console.print(part, highlight=False, markup=False)
    return text.getvalue()


def test_without_a_store_it_says_what_to_run(home: Path) -> None:
    with pytest.raises(AbsentStudyError, match="no study yet; run `rnnsearch search` first"):
        listing()


def test_all_studies_are_listed_with_their_state_and_none_is_changed(
    tmp_path: Path, home: Path
) -> None:
    path = searched(tmp_path, "done")
    Store(load_study(write_study(tmp_path, "begun")))
    before = dict(Store(load_study(path), create=False).notes())
    rows = {row["study"]: row for row in listing()["studies"]}
    assert {name: row["state"] for name, row in rows.items()} == {"begun": "empty", "done": "done"}
    assert rows["begun"]["best"] is None
    assert rows["done"]["best"]["network"].endswith(("h1", "h2"))
    assert rows["done"]["data"]["first"] == "2020-01-01"
    assert Store(load_study(path), create=False).notes() == before
    assert "not evaluated" in shown(listing_table(listing()))


def test_a_verdict_is_told_beside_the_skill_that_it_is_about(evaluated: Evaluated) -> None:
    row = listing()["studies"][0]["evaluated"]
    assert row["skill"] == evaluated.answer["table"][0]["skill"]
    assert evaluated.answer["verdict"]["sentence"].startswith(row["verdict"])
    assert row["openings"] == 1


def test_only_settings_that_differ_are_told_and_other_targets_are_warned_of(
    tmp_path: Path, home: Path, rnnsearch: Callable[..., Result]
) -> None:
    small = searched(tmp_path, "one")
    more = searched(tmp_path, "two", trials=5, space={"neurons": 3})
    told = compare([load_study(small), load_study(more)])
    assert told["settings"] == {"study.trials": [2, 5], "space.neurons": [[2, 4], 3]}
    assert told["comparable"]
    assert told["notes"] == ["the best of 5 trials looks better by luck than that of 2"]
    text = shown(*comparison_tables(told))
    assert "space.neurons" in text
    assert "[2, 4]" in text
    other = searched(tmp_path, "three", data={"predict": "direction"})
    code, out, err = rnnsearch("compare", small, other, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["settings"] == {"data.predict": ["log_return", "direction"]}
    assert not told["comparable"]
    assert "(another data.predict), so" in told["notes"][0]
    code, out, _ = rnnsearch("list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if " done " in line] == [
        "one",
        "three",
        "two",
    ]


def test_one_study_is_not_compared_and_one_never_searched_is_named(
    tmp_path: Path, home: Path
) -> None:
    study = load_study(searched(tmp_path, "one", trials=1))
    with pytest.raises(StudyFileError, match="give two studies or more, got one"):
        compare([study])
    with pytest.raises(AbsentStudyError, match="no study 'absent'"):
        compare([study, load_study(write_study(tmp_path, "absent"))])

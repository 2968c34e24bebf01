"""`rnnsearch init` for many series: it sees which they are, says so, and `search` takes it."""

from pathlib import Path

import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import DataError
from rnnsearch.many.drafting import init
from rnnsearch.many.family import family_of
from rnnsearch.many.reading import read_all
from tests.helpers.many import FORMS, walk, walks, write_files, write_together

pytestmark = pytest.mark.slow  # whole searches or commands


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_what_has_many_series_makes_a_study_of_each(tmp_path: Path, form: str) -> None:
    data = write_together(Path("in"), form, walks(3))
    draft = init(data["path"])
    assert "series: 3 (T0, T1, T2)" in draft.facts[0]
    family = family_of(load_study(draft.path))
    assert family is not None
    assert [one.series for one in family.members] == ["T0", "T1", "T2"]
    assert len(read_all(family, print).problems) == 3


def test_a_folder_is_read_as_the_files_that_most_of_it_are() -> None:
    write_files(Path("mine"), walks(2))
    Path("mine/notes.txt").write_text("sold too early")
    draft = init(Path("mine"))
    assert draft.path == Path("mine.toml")
    assert load_study(draft.path).data.path == Path("mine/*.csv").absolute()
    Path("empty").mkdir()
    with pytest.raises(DataError, match="is a folder without files of prices"):
        init(Path("empty"))


def test_bad_series_are_told_and_the_study_file_says_that_they_are_left_out() -> None:
    write_files(Path("mine"), walks(3) | {"NEW": walk(9, rows=50)})
    Path("mine/BAD.csv").write_text("Date,Close\n2020-01-01,1\n2020-01-01,2\n2020-01-02,3\n")
    draft = init(Path("mine"))
    assert "series: 3 (T0, T1, T2)" in draft.facts[0]
    told = "\n".join(draft.warnings)
    assert "NEW cannot be used and is left out: has 50 rows, and 90 are needed" in told
    assert "BAD cannot be used and is left out: BAD.csv: dates must" in told
    assert load_study(draft.path).data.skip_bad


def test_one_of_several_is_still_named_and_a_target_is_one_series() -> None:
    write_together(Path(), "long", walks(2))
    assert load_study(init(Path("long.csv"), series=("T1",)).path).data.series == ("T1",)
    write_together(Path(), "wide", walks(4))
    draft = init(Path("wide.csv"), Path("one.toml"), target="T0", columns="none")
    study = load_study(draft.path)
    assert (study.data.target, study.data.layout) == ("T0", "auto")


def test_columns_that_may_be_no_prices_are_no_series() -> None:
    frame = pd.DataFrame(walks(3)).dropna()
    frame["T1"] -= 200  # a spread, which may be below 0
    frame.to_csv("mixed.csv")
    with pytest.raises(DataError, match="--target"):
        init(Path("mixed.csv"))


def test_all_files_may_call_the_close_by_another_name() -> None:
    write_files(Path("mine"), {k: v.rename("nav") for k, v in walks(2).items()})
    study = load_study(init(Path("mine")).path)
    assert study.data.target == "nav"
    family = family_of(study)
    assert family is not None
    assert len(read_all(family, print).problems) == 2

"""The study file of a fork."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnsearch.config import load_study, sample_studies
from rnnsearch.errors import DataError, NoTrialError, StudyFileError
from rnnsearch.prepare.forked import study_file_of
from rnnsearch.search.store.store import Store
from tests.helpers.evaluated import search_inline
from tests.helpers.searches import write_study

Result = tuple[int, str, str]


@pytest.mark.parametrize(
    "text",
    [
        '[data]\nsample = "sp500"\n',
        '[study]\nname = "one"  # mine\ntrials = 3\n\n[data]\nsample = "sp500"\n',
        '[data]\nsample = "sp500"\n\n  [ study ] # of it\n  trials = 3\n  name="one"\n[split]\n',
        '\ufeff[study]\ntrials = 3\n[data]\nsample = "sp500"\nseries = []\n',
    ],
)
def test_it_is_the_old_one_under_the_new_name(tmp_path: Path, text: str) -> None:
    old = tmp_path / "one.toml"
    old.write_text(text, encoding="utf-8")
    with study_file_of(old, "two") as path:
        assert path == tmp_path / "two.toml"
    with study_file_of(old, "two") as path:  # a fork that was stopped goes on
        assert load_study(path).name == "two"
    assert load_study(path).fingerprint() == load_study(old).fingerprint()
    assert load_study(path).study.trials == load_study(old).study.trials
    with study_file_of(old, None) as path:
        assert path == old


def test_another_file_of_that_name_is_not_touched(tmp_path: Path) -> None:
    old, other = write_study(tmp_path), write_study(tmp_path, "two", study={"seed": 9})
    text = other.read_bytes()
    told = r"two\.toml is there already, and is another study"
    with pytest.raises(StudyFileError, match=told), study_file_of(old, "two"):
        pass
    assert other.read_bytes() == text


def test_a_name_that_stands_elsewhere_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    old = tmp_path / "one.toml"
    old.write_text('study = { name = "one" }\ndata = { sample = "sp500" }\n')
    told = "in a line of its own below"
    with pytest.raises(StudyFileError, match=told), study_file_of(old, "two"):
        pass
    assert not (tmp_path / "two.toml").exists()


def test_of_a_fork_that_cannot_be_begun_nothing_is_left(tmp_path: Path) -> None:
    old = write_study(tmp_path)
    for error, stays in ((DataError("gone"), False), (NoTrialError("none"), True)):
        with pytest.raises(type(error)), study_file_of(old, "two"):
            raise error
        assert (tmp_path / "two.toml").exists() == stays


def test_that_of_a_sample_lies_among_one_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir(sample_studies()["quickstart"].parent))
    with study_file_of(sample_studies()["quickstart"], "mine") as path:
        assert path == Path("mine.toml")
    assert load_study(path).name == "mine"
    assert sorted(os.listdir(sample_studies()["quickstart"].parent)) == before


def test_a_search_that_forks_ends_with_commands_that_work(
    tmp_path: Path, home: Path, rnnsearch: Callable[..., Result]
) -> None:
    path = write_study(tmp_path, "one", study={"trials": 2})
    search_inline(path)
    code, out, err = rnnsearch("search", path, "--fork", "two")
    assert code == 0, err
    two = tmp_path / "two.toml"
    assert f"its study file: {two}" in out.replace("\n", "")
    assert f"evaluate {two}" in out.replace("\n", "")
    assert "2 finished trials still hold, 0 configurations are trained again" in err
    assert Store(load_study(two), create=False).finished() == 2
    code, _, err = rnnsearch("search", path, "--fork", "two")
    assert (code, "there is a study 'two'" in err) == (2, True)
    assert two.exists(), "it was not made now"

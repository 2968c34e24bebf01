"""Each study in studies/ trains two trials."""

import os
from pathlib import Path

import pytest

from rnnsearch.config import load_study
from rnnsearch.many.family import family_of
from rnnsearch.search.searching import search
from tests.helpers.places import ROOT
from tests.helpers.searches import Notes

STUDIES = sorted((ROOT / "studies").glob("*.toml"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Input tables and rankings, which several studies share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def shared_cache(home: Path, cache: Path) -> None:
    os.symlink(cache, home / "cache")


@pytest.mark.slow
@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_an_example_study_trains_two_trials(path: Path) -> None:
    """Its data, rows, inputs, sampler and space as they are, but for the epochs: one."""
    study = load_study(path, space__epochs=1, study__references=False, run__engine="inline")
    if family := family_of(study):
        study = family.members[0].study
    store = search(study, Notes(), trials="2")
    counts = store.counts()
    assert counts["complete"] + counts["pruned"] == 2
    assert counts["complete"] >= 1

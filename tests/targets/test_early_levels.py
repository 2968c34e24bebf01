"""A study of levels that was begun when networks learnt the level itself: it goes on as it was.

`tests/early` was made by the version of then: three trials, an evaluation and its champion, and in
`expected.json` what that version said of them, and of two trials more.
"""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnsearch.config import load_study
from rnnsearch.search import searching as study_module
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.packing import unpack
from rnnsearch.verdict.evaluation import champion_folder, evaluate
from rnnsearch.verdict.prediction import predict
from tests.helpers.evaluated import quiet
from tests.helpers.places import ROOT
from tests.helpers.searches import Notes

pytestmark = pytest.mark.slow  # whole searches or commands

EARLY = ROOT / "tests/early"
EXPECTED: dict[str, Any] = json.loads((EARLY / "expected.json").read_text())
FORMERLY = "networks that forecast the value itself"


@pytest.fixture
def early(home: Path, tmp_path: Path) -> Path:
    """Its study file, beside its prices, stores and champion."""
    text = (EARLY / "early.toml").read_text(encoding="utf-8")
    text = text.replace("[run]", '[run]\nengine = "inline"')
    (tmp_path / "early.toml").write_text(text, encoding="utf-8")
    (tmp_path / "prices.csv").write_bytes(gzip.decompress((EARLY / "prices.csv.gz").read_bytes()))
    (home / "optuna.db").write_bytes(gzip.decompress((EARLY / "optuna.db.gz").read_bytes()))
    shutil.copytree(EARLY / "champion", home / "champions" / "early")
    return tmp_path / "early.toml"


def same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Rows of equal keys and text, and of numbers that are equal but for rounding."""
    assert [row.keys() for row in found] == [row.keys() for row in expected]
    for row, other in zip(found, expected, strict=True):
        for key, value in other.items():
            if isinstance(value, float):
                assert row[key] == pytest.approx(value, rel=1e-4, abs=1e-7), key
            else:
                assert row[key] == value, key


def test_its_champion_predicts_what_it_predicted(early: Path) -> None:
    same(predict(load_study(early), origins=5)["forecasts"], EXPECTED["forecasts"])


def test_a_price_it_has_not_seen_is_told_with_the_way_out(early: Path, tmp_path: Path) -> None:
    lines = (tmp_path / "prices.csv").read_text().splitlines()
    newer = [line.split(",") for line in lines[1:]]
    rows = [",".join([day, str(float(close) * 3), *rest]) for day, close, *rest in newer[-20:]]
    (tmp_path / "newer.csv").write_text("\n".join([*lines[:-20], *rows]))
    notes = predict(load_study(early), data=tmp_path / "newer.csv")["notes"]
    (note,) = [text for text in notes if "tends back to prices that it has seen" in text]
    assert "`rnnsearch search STUDY --fork NAME` begins a study whose networks" in note


def test_it_goes_on_with_the_trials_it_would_have_had_and_says_so(early: Path) -> None:
    notes = Notes()
    store = study_module.search(load_study(early), notes, trials="5")
    (told,) = [text for text in notes.notices if FORMERLY in text]
    assert "`rnnsearch search STUDY --fork NAME`" in told
    found = store.trials()
    assert len(found) == 5
    for trial, expected in zip(found, EXPECTED["trials"], strict=True):
        assert trial.value == pytest.approx(expected["value"], rel=1e-4)
        np.testing.assert_allclose(trial.forecasts, unpack(expected["forecasts"]), rtol=1e-5)


def test_its_champion_is_trained_again_as_it_was(early: Path) -> None:
    study, said = load_study(early), []
    shutil.rmtree(champion_folder(study))
    answer = evaluate(study, top=2, seeds=2, say=said.append)
    assert any(FORMERLY in text for text in said)
    assert answer["champion"]["identity"] == EXPECTED["champion"]["identity"]
    same(predict(study, origins=5)["forecasts"], EXPECTED["forecasts"])


def test_asked_again_its_answer_is_that_of_the_same_networks(early: Path) -> None:
    answer = evaluate(load_study(early), top=2, seeds=2, again=True, say=quiet)
    assert answer["opening"] == 2
    same(answer["table"], EXPECTED["table"])
    for found, expected in zip(answer["candidates"], EXPECTED["candidates"], strict=True):
        assert found["trial"] == expected["trial"]
        assert found["skills"] == pytest.approx(expected["skills"], rel=1e-4)


def test_a_study_forked_from_it_learns_changes_and_trains_its_trials_again(early: Path) -> None:
    old, notes = Store(load_study(early), create=False), Notes()
    study = load_study(early, study__name="later")
    new = study_module.search(study, notes, trials="4", fork_of="early")
    assert old.formulation == 1
    assert new.formulation == 2
    assert not [text for text in notes.notices if FORMERLY in text]
    assert any("0 finished trials still hold" in text for text in notes.notices)
    assert max(t.value for t in new.trials() if t.value) > max(t.value for t in old.trials())

"""An answer of refits: one opening, told as such, beside what one fit says; killed, it goes on."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy

from rnnsearch.config import load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.report.page import report
from rnnsearch.scoring import baselines
from rnnsearch.scoring.baselines import running
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.store import Store
from rnnsearch.verdict import evaluation
from rnnsearch.verdict.answers import stored_answer
from rnnsearch.verdict.evaluation import champion_folder, evaluate
from rnnsearch.verdict.walk.fitting import Fitting
from rnnsearch.verdict.walk.kept import Kept
from rnnsearch.verdict.walk.walking import Begun
from tests.helpers.evaluated import Evaluated, answer_again, copy_study, quiet, search_inline
from tests.helpers.faults import killed
from tests.helpers.reported import embedded
from tests.helpers.searches import end_group, finish, start, wait_until
from tests.helpers.walking import with_walk

pytestmark = pytest.mark.slow  # whole searches or commands

EVERY = 20
FEW = ("ridge", "drift")  # baselines: all of them take most of the time
FITS = 3 * (2 + len(FEW))  # refits times seeds and baselines


@pytest.fixture(scope="module", autouse=True)
def _few_baselines() -> Iterator[None]:
    known = tuple(one for one in baselines.registry() if one.name in FEW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "registry", lambda: known)
        yield


def evaluate_small(path: Path) -> dict[str, Any]:
    return evaluate(load_study(path), top=2, seeds=2, say=quiet)


def forget(study: Evaluated) -> None:
    """As it was before the first evaluation."""
    shutil.rmtree(champion_folder(study.study))
    store = Store(study.study, create=False)
    for key, value in (("evaluation", None), ("openings", 0)):
        store.note(key, value)
    with store.engine.begin() as connection:
        connection.execute(sqlalchemy.text("DELETE FROM rnnsearch_openings"))


@pytest.fixture(scope="module")
def walked_once(tmp_path_factory: pytest.TempPathFactory, evaluated_once: Evaluated) -> Evaluated:
    """The small study, evaluated for the first time by a walk; not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        study = copy_study(evaluated_once, tmp_path_factory.mktemp("walked"), patch)
        forget(study)
        with_walk(study.path, refit_every=EVERY)
        answer = evaluate_small(study.path)
    return Evaluated(study.path, study.home, answer)


@pytest.fixture
def walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walked_once: Evaluated) -> Evaluated:
    return copy_study(walked_once, tmp_path, monkeypatch)


@pytest.fixture
def unwalked(evaluated: Evaluated) -> Evaluated:
    """The same study, before its first evaluation; `answer` is that of one fit."""
    forget(evaluated)
    with_walk(evaluated.path, refit_every=EVERY)
    return evaluated


def test_the_answer_is_of_the_refits_and_says_so_beside_the_one_fit(
    walked: Evaluated, evaluated_once: Evaluated
) -> None:
    answer, plain = walked.answer, evaluated_once.answer
    walk = answer["walk"]
    assert {key: walk[key] for key in ("every", "window", "start", "refits")} == {
        "every": EVERY, "window": "expanding", "start": "cold", "refits": 3
    }  # fmt: skip
    assert walk["days"][0] == answer["test"]["first"]
    sentence = answer["verdict"]["sentence"]
    assert f"to {answer['test']['last']}, refitted every {EVERY} sessions, " in sentence
    assert "first opening of the test" in sentence
    assert answer["openings"] == 1
    rows = {row["forecast"]: row for row in answer["table"]}
    assert list(rows)[:2] == ["champion", "one_fit"]
    assert answer["forecasts"]["one_fit"] == plain["forecasts"]["champion"]
    once = {row["forecast"]: row for row in plain["table"]}  # as it would be without the walk
    assert answer["one_fit"]["table"] == [
        once[row["forecast"]] for row in answer["one_fit"]["table"]
    ]
    assert answer["one_fit"]["interval"] == plain["interval"]
    assert "significance" not in answer["one_fit"]
    for name in ("champion", "ridge", "drift"):
        ours, theirs = (np.array(a["forecasts"][name]) for a in (answer, plain))
        np.testing.assert_allclose(ours[:EVERY], theirs[:EVERY], atol=1e-6)
    assert answer["forecasts"]["champion"] != plain["forecasts"]["champion"]
    assert answer["champion"] == plain["champion"]
    beside = answer["significance"]["diebold_mariano_one_fit"]
    assert 0 <= beside["p_better"] <= answer["corrected"]["diebold_mariano_one_fit"]
    assert answer["baselines"]["ridge"].startswith("3 fits, the last alpha ")
    json.dumps(answer, allow_nan=False)
    store = Store(walked.study, create=False)
    assert stored_answer(store) == answer
    assert store.notes().get("walk") is None
    assert not (walked.home / "walks" / "small").exists()


def test_the_interval_follows_what_the_refits_said(walked: Evaluated) -> None:
    interval, said = walked.answer["interval"], np.array(walked.answer["forecasts"]["champion"])
    middle = (np.array(interval["low"]) + np.array(interval["high"])) / 2
    np.testing.assert_allclose(middle, said, atol=1e-6)


def test_the_page_and_the_terminal_show_both_ways(
    walked: Evaluated, rnnsearch: Callable[..., tuple[int, str, str]]
) -> None:
    page = report(walked.study)
    text = page.read_text(encoding="utf-8")
    assert 'id="table-walk"' in text
    assert "One fit, and refits" in text
    assert "Are refits more accurate than one fit?" in text
    assert f"fitted 3 times, every {EVERY} sessions of the test, on all rows known then" in text
    drawn = embedded(page)
    assert [trace["name"] for trace in drawn["walk"]["data"]] == ["walked", "one fit"]
    assert "one fit" in [trace.get("name") for trace in drawn["forecast_prices"]["data"]]
    code, out, _ = rnnsearch("evaluate", walked.path, "--top", 2, "--seeds", 2)
    assert code == 0
    assert "one_fit" in out
    assert "refits better than one fit (Diebold–Mariano)" in out
    assert f"Champion and baselines were fitted 3 times, every {EVERY} sessions" in " ".join(
        out.split()
    )
    code, out, _ = rnnsearch("evaluate", walked.path, "--top", 2, "--seeds", 2, "--json")
    assert json.loads(out)["walk"]["every"] == EVERY


def test_a_page_of_one_fit_says_nothing_of_refits(evaluated: Evaluated) -> None:
    page = report(evaluated.study)
    assert 'id="table-walk"' not in page.read_text(encoding="utf-8")
    assert "walk" not in embedded(page)


def test_the_cost_is_told_before_the_test_is_opened_and_the_way_while_it_goes(
    unwalked: Evaluated,
) -> None:
    said: list[str] = []
    evaluate(unwalked.study, top=2, seeds=2, say=said.append)
    cost = next(place for place, text in enumerate(said) if "a walk through the locked" in text)
    opened = next(place for place, text in enumerate(said) if "opening the locked test" in text)
    assert cost < opened
    assert "3 refits, one every 20 of 59 sessions, on all rows known then, from new" in said[cost]
    assert "6 trainings of the champion and 6 fits of 2 baselines; about" in said[cost]
    assert f"walked: {FITS} of {FITS} fits" in said
    assert len([text for text in said if text.startswith("walked: ")]) > 5


def test_asking_for_a_walk_later_is_another_opening_and_is_said_to_be(
    evaluated: Evaluated,
) -> None:
    with_walk(evaluated.path, refit_every=EVERY)
    said: list[str] = []
    assert answer_again(evaluated, say=said.append) == evaluated.answer
    assert any("stands, of one fit; `rnnsearch evaluate STUDY --again`" in text for text in said)
    answer = answer_again(evaluated, again=True)
    assert (answer["opening"], answer["openings"]) == (2, 2)
    assert "refitted every 20 sessions" in answer["verdict"]["sentence"]
    assert "second opening" in answer["verdict"]["sentence"]
    with_walk(evaluated.path, refit_every=0)
    said.clear()
    assert answer_again(evaluated, say=said.append) == answer
    assert any("stands, refitted every 20 sessions (expanding rows, cold)" in t for t in said)


def test_a_walk_that_cannot_be_is_refused_before_the_test_is_opened(
    unwalked: Evaluated,
) -> None:
    with_walk(unwalked.path, refit_every=59)
    with pytest.raises(StudyFileError, match="give a number below 59, or 0 for one fit"):
        evaluate_small(unwalked.path)
    assert Store(unwalked.study, create=False).openings == 0
    with_walk(unwalked.path, refit_every=58)  # the advice is taken
    assert evaluate_small(unwalked.path)["walk"]["refits"] == 2


# --- killed

STEPS = {  # where it is killed -> fits that are done by then
    "opened": (Begun, "note", True, 1, 0),
    "some fits done": (Kept, "keep", True, 5, 5),
    "in the middle of one": (Kept, "keep", False, 9, 8),
    "before the answer is noted": (evaluation, "digest", False, 1, FITS),
    "noted, not cleared": (evaluation.walks, "end", False, 1, FITS),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_walk_killed_at_any_step_goes_on_and_was_one_look(
    unwalked: Evaluated, walked_once: Evaluated, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    owner, name, after, call, done = STEPS[step]
    killed(unwalked.path, owner, name, after=after, call=call, search=evaluate_small)
    fitted: list[int] = []
    real = Fitting.task

    def task(fitting: Fitting, number: int, fit: Any) -> Any:
        fitted.append(number)
        return real(fitting, number, fit)

    monkeypatch.setattr(Fitting, "task", task)
    if step == "some fits done":
        search_inline(unwalked.path, "+2")  # another trial may be the best one by now
    answer = evaluate_small(unwalked.path)
    assert len(fitted) == FITS - done
    assert (answer["opening"], answer["openings"]) == (1, 1)
    assert Store(unwalked.study, create=False).openings == 1
    for key in ("champion", "table", "forecasts", "one_fit", "walk", "interval", "trials"):
        assert answer[key] == walked_once.answer[key], key
    assert answer["verdict"] == walked_once.answer["verdict"]
    assert not (unwalked.home / "walks" / "small").exists()
    if step == "noted, not cleared":  # what it left is no look that goes on
        assert answer_again(unwalked, again=True)["opening"] == 2


@pytest.mark.slow
def test_the_command_and_its_workers_killed_in_the_middle_of_a_walk_go_on(
    unwalked: Evaluated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is begun on two workers, and goes on in this process."""
    monkeypatch.setattr(running, "registry", baselines.registry)  # as that process has them
    with_walk(unwalked.path, refit_every=6)
    text = unwalked.path.read_text(encoding="utf-8")
    local = text.replace('engine = "inline"', 'engine = "local"')
    unwalked.path.write_text(local.replace("workers = 1", "workers = 2"), encoding="utf-8")
    fits = unwalked.home / "walks" / "small"
    process = start("evaluate", unwalked.path, "--top", 2, "--seeds", 2)
    wait_until(lambda: len([*fits.glob("*/*.json")]) >= 20 or process.poll() is not None)
    assert process.poll() is None
    end_group(process)
    finish(process)
    assert Store(unwalked.study, create=False).openings == 1
    unwalked.path.write_text(text, encoding="utf-8")
    said: list[str] = []
    answer = evaluate(unwalked.study, top=2, seeds=2, say=said.append)
    assert "going on with opening number 1 of the locked test" in said
    assert (answer["opening"], answer["openings"]) == (1, 1)
    assert (answer["walk"]["every"], answer["walk"]["refits"]) == (6, 10)
    assert not fits.exists()


def test_a_warm_walk_killed_goes_on_with_its_weights(
    unwalked: Evaluated, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_walk(unwalked.path, refit_every=EVERY, refit_start="warm")
    other = copy_study(unwalked, tmp_path_factory.mktemp("warm"), monkeypatch)
    whole = evaluate_small(other.path)
    monkeypatch.setenv("RNNSEARCH_HOME", str(unwalked.home))
    for call in (6, 3):
        killed(unwalked.path, Kept, "keep", after=True, call=call, search=evaluate_small)
    answer = evaluate_small(unwalked.path)
    assert answer["forecasts"] == whole["forecasts"]
    assert answer["openings"] == 1


@pytest.mark.parametrize("spoil", ["record", "weights"])
def test_what_cannot_be_read_of_a_killed_walk_is_fitted_again(
    unwalked: Evaluated,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    spoil: str,
) -> None:
    with_walk(unwalked.path, refit_every=EVERY, refit_start="warm")
    other = copy_study(unwalked, tmp_path_factory.mktemp("warm"), monkeypatch)
    whole = evaluate_small(other.path)
    monkeypatch.setenv("RNNSEARCH_HOME", str(unwalked.home))
    killed(unwalked.path, Kept, "keep", after=True, call=9, search=evaluate_small)
    (folder,) = (unwalked.home / "walks" / "small").iterdir()
    if spoil == "record":
        (folder / "3-0.json").write_text('{"forecasts": "eJw", "seconds": 1, "chosen": ""}')
        (folder / "2-1.json").write_text("[]")
    else:
        for path in folder.glob("*.safetensors"):
            path.unlink()
    answer = evaluate_small(unwalked.path)
    assert answer["forecasts"] == whole["forecasts"]


def test_a_killed_walk_of_other_settings_is_a_further_opening(unwalked: Evaluated) -> None:
    killed(unwalked.path, Kept, "keep", after=True, call=5, search=evaluate_small)
    with_walk(unwalked.path, refit_every=EVERY, refit_window=100)
    answer = evaluate_small(unwalked.path)
    assert (answer["opening"], answer["openings"]) == (2, 2)
    assert answer["walk"]["window"] == 100
    assert Store(unwalked.study, create=False).notes().get("walk") is None


def test_one_fit_after_a_killed_walk_is_a_further_opening(unwalked: Evaluated) -> None:
    killed(unwalked.path, Kept, "keep", after=True, call=5, search=evaluate_small)
    with_walk(unwalked.path, refit_every=0)
    answer = evaluate_small(unwalked.path)
    assert (answer["opening"], answer["openings"]) == (2, 2)
    assert answer.get("walk") is None


def test_a_second_walk_killed_leaves_the_first_answer(walked: Evaluated) -> None:
    def again(path: Path) -> dict[str, Any]:
        return evaluate(load_study(path), top=2, seeds=2, again=True, say=quiet)

    killed(walked.path, Kept, "keep", after=True, call=5, search=again)
    answer = evaluate_small(walked.path)
    assert (answer["opening"], answer["openings"]) == (1, 2)
    assert answer["table"] == walked.answer["table"]
    answer = again(walked.path)
    assert (answer["opening"], answer["openings"]) == (2, 2), "the look that was begun"


@pytest.mark.parametrize("kind", ["direction", "level"])
def test_walks_of_directions_and_levels_are_answered(home: Path, tmp_path: Path, kind: str) -> None:
    from tests.helpers.searches import write_study

    path = write_study(
        tmp_path,
        study={"trials": 2},
        data={"predict": kind},
        evaluate={"refit_every": 25, "refit_window": "rolling"},
    )
    search_inline(path)
    answer = evaluate(load_study(path), top=1, seeds=1, say=quiet)
    json.dumps(answer, allow_nan=False)
    assert answer["walk"]["rows"][0] == answer["walk"]["rows"][1]
    page = report(load_study(path))
    assert "walk" in embedded(page)
    assert Problem.load(load_study(path)).target.name == kind

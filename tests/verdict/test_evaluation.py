"""The locked test: who becomes champion, when it is opened, and what is said about it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from arch.data import sp500

from rnnsearch import targets
from rnnsearch.config import load_study
from rnnsearch.errors import NoTrialError, RnnsearchError, StorageError, StudyFileError
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.publish.registry import forecast_rows, publish
from rnnsearch.scoring import metrics
from rnnsearch.scoring.baselines.drift import drift
from rnnsearch.search.problem import Problem
from rnnsearch.search.searching import search
from rnnsearch.search.store import openings as ledger
from rnnsearch.search.store.leases import only_driver
from rnnsearch.search.store.store import Store
from rnnsearch.targets import Quotes
from rnnsearch.verdict import champion as champion_module
from rnnsearch.verdict import comparison, evaluation
from rnnsearch.verdict.answers import stored_answer
from rnnsearch.verdict.champion import best_trials, validate, validation_value
from rnnsearch.verdict.evaluation import champion_folder, evaluate
from rnnsearch.verdict.plain import as_json
from rnnsearch.verdict.prediction import predict
from tests.helpers.evaluated import (
    Evaluated,
    answer_again,
    command,
    fitted,
    quiet,
    search_inline,
    write_bars,
)
from tests.helpers.searches import Notes, write_study

pytestmark = pytest.mark.slow  # whole searches or commands

KEYS = {"champion", "test", "table", "significance", "verdict", "openings"}


def openings(study: Evaluated) -> int:
    return int(Store(study.study, create=False).openings)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    networks = Forecaster.load(folder).networks
    return {f"{i}.{k}": v for i, n in enumerate(networks) for k, v in n.state_dict().items()}


def assert_same_weights(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


# --- the answer


def test_the_answer_has_its_keys_and_is_strict_json(evaluated: Evaluated) -> None:
    answer = evaluated.answer
    assert answer.keys() >= KEYS
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert answer["test"].keys() == {"rows", "first", "last"}
    assert answer["verdict"].keys() == {
        "better", "informative", "p", "p_information", "sentence"
    }  # fmt: skip
    assert [row["forecast"] for row in answer["table"]][:3] == ["champion", "no_change", "average"]
    assert {row["forecast"] for row in answer["table"]} >= {"ridge", "drift"}
    assert answer["significance"].keys() == {
        "diebold_mariano",
        "diebold_mariano_ridge",
        "diebold_mariano_trees",
        "information",
        "pesaran_timmermann",
        "excess_profitability",
        "superior_ability",
        "confidence_set",
        "overfitting",
    }
    assert answer["significance"]["overfitting"].keys() == {"reason"}  # of 6 trials nothing is told
    interval = answer["interval"]
    assert interval["promised"] == pytest.approx(0.9)
    assert interval["rows"] == len(answer["dates"]) == len(interval["low"]) == len(interval["high"])
    assert interval["narrowest"] < interval["width"] < interval["widest"]
    assert interval["quarters"][0]["first"] == answer["test"]["first"]
    assert interval["quarters"][-1]["last"] == answer["test"]["last"]
    held = [quarter["rows"] * quarter["share"] for quarter in interval["quarters"]]
    assert sum(held) == pytest.approx(interval["rows"] * interval["share"])
    assert answer["test"]["rows"] == len(answer["dates"]) == len(answer["forecasts"]["champion"])
    assert len(answer["champion"]["seeds"]) == len(answer["seed_skills"]) == 2
    assert stored_answer(Store(evaluated.study, create=False)) == answer


def test_what_is_no_number_is_null() -> None:
    plain = as_json({"a": [np.float64("nan"), np.inf, 1.5], "b": (np.int64(2), True, None, "x")})
    assert plain == {"a": [None, None, 1.5], "b": [2, True, None, "x"]}
    assert type(plain["b"][0]) is int


def test_the_table_follows_from_the_forecasts(evaluated: Evaluated) -> None:
    answer = evaluated.answer
    actual, origin = np.array(answer["actual"]), np.array(answer["origin_price"])
    hardest = np.array(answer["forecasts"][answer["hardest"]])
    for row in answer["table"]:
        forecast = np.array(answer["forecasts"][row["forecast"]])
        rmse = float(np.sqrt(np.mean((forecast - actual) ** 2)))
        assert row["rmse"] == pytest.approx(rmse, rel=1e-5)
        assert row["skill"] == pytest.approx(
            1 - rmse / np.sqrt(np.mean((actual - hardest) ** 2)), abs=1e-5
        )
        price = origin * (np.exp(forecast) - np.exp(actual))
        assert row["price_mae"] == pytest.approx(float(np.abs(price).mean()), rel=1e-5)
    rows = forecast_rows(answer)
    assert rows[0].keys() >= {"target_date", "actual", "champion", "no_change"}
    assert rows[-1]["target_date"] == answer["test"]["last"]


# --- the champion


def test_the_champion_is_the_best_on_validation_over_seeds(evaluated: Evaluated) -> None:
    candidates = evaluated.answer["candidates"]
    assert [c["skill"] for c in candidates] == sorted(
        (c["skill"] for c in candidates), reverse=True
    )
    assert evaluated.answer["champion"]["trial"] == candidates[0]["trial"]
    for candidate in candidates:
        assert len(candidate["skills"]) == 2
        assert candidate["skill"] == pytest.approx(np.mean(candidate["skills"]))
    store = Store(evaluated.study, create=False)
    assert {c["trial"] for c in candidates} == {t.number for t in best_trials(store, 2)}


def test_changing_the_test_rows_changes_neither_champion_nor_weights(
    evaluated: Evaluated, tmp_path: Path
) -> None:
    """The same search on a file whose locked rows are others, from the first on."""
    other = tmp_path / "other"
    path = write_study(other)
    lines = (other / "prices.csv").read_text().splitlines()
    first = int(Problem.load(evaluated.study).split.test[0])
    for number in range(first, len(lines) - 1):
        date, close, *more = lines[number + 1].split(",")
        lines[number + 1] = ",".join([date, str(float(close) * (2 + number % 3)), *more])
    (other / "prices.csv").write_text("\n".join(lines))
    folder = champion_folder(evaluated.study)
    before = weights(folder)
    shutil.rmtree(evaluated.home / "champions")
    (evaluated.home / "optuna.db").unlink()
    for extra in evaluated.home.glob("optuna.db-*"):
        extra.unlink()
    search_inline(path)
    answer = evaluate(load_study(path), top=2, seeds=2, say=quiet)
    for key in ("trial", "skill", "skills", "params", "seeds"):
        assert answer["champion"][key] == evaluated.answer["champion"][key], key
    assert answer["candidates"] == evaluated.answer["candidates"]
    assert_same_weights(before, weights(folder))
    assert answer["actual"] != evaluated.answer["actual"]


def test_the_skill_of_a_candidate_is_the_one_that_the_search_saw(evaluated: Evaluated) -> None:
    problem = Problem.load(evaluated.study)
    for trial in best_trials(Store(evaluated.study, create=False), 9):
        skill, gain = validation_value(problem, trial.parameters, trial.forecasts)
        assert gain == pytest.approx(trial.value, abs=1e-5)
        measured = trial.metrics
        assert skill == pytest.approx(measured["skill"], abs=1e-6)


def test_a_configuration_that_diverges_under_another_seed_stands_last(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = Problem.load(evaluated.study)
    trials = best_trials(Store(evaluated.study, create=False), 2)
    train = champion_module._train

    def diverge(problem: Any, *given: Any) -> list[Any]:
        found = train(problem, *given)
        return [None, *found[1:]]  # the further seed of the trial that the search found best

    monkeypatch.setattr(champion_module, "_train", diverge)
    said: list[str] = []
    candidates = validate(problem, trials, 2, said.append)
    assert [c.trial.number for c in candidates] == [trials[1].number, trials[0].number]
    assert [len(c.skills) for c in candidates] == [2, 1]
    assert f"trial {trials[0].number} did not train to its end under 1 of 2 seeds" in said


def test_where_the_best_candidate_diverges_on_all_rows_the_next_one_is_taken(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (c["trial"] for c in evaluated.answer["candidates"])
    refit, said = evaluation.refit, []
    monkeypatch.setattr(
        evaluation,
        "refit",
        lambda p, c, s, say: None if c.trial.number == first else refit(p, c, s, say),
    )
    answer = answer_again(evaluated, again=True, say=said.append)
    assert answer["champion"]["trial"] == second
    assert f"trial {first} diverged under every seed and is left out" in said
    monkeypatch.setattr(evaluation, "refit", lambda *_: None)
    with pytest.raises(RnnsearchError, match="larger --top or --seeds"):
        answer_again(evaluated, again=True)
    assert openings(evaluated) == 2  # not opened for nothing


def test_more_candidates_than_trials_are_as_many_as_there_are(evaluated: Evaluated) -> None:
    answer = answer_again(evaluated, top=99, seeds=1, again=True)
    complete = len(best_trials(Store(evaluated.study, create=False), 99))
    assert len(answer["candidates"]) == complete < 99
    assert answer == answer_again(evaluated, top=complete, seeds=1)


# --- openings


def test_asking_again_shows_the_stored_answer_and_opens_nothing(evaluated: Evaluated) -> None:
    assert evaluated.answer["openings"] == openings(evaluated) == 1
    assert "first opening of the test" in evaluated.answer["verdict"]["sentence"]
    assert answer_again(evaluated) == evaluated.answer
    assert openings(evaluated) == 1


def test_again_opens_the_test_once_more_and_multiplies_p(evaluated: Evaluated) -> None:
    answer = answer_again(evaluated, again=True)
    assert answer["openings"] == answer["opening"] == openings(evaluated) == 2
    p = answer["significance"]["diebold_mariano"]["p_better"]
    assert evaluated.answer["verdict"]["p"] == pytest.approx(min(1.0, 1.25 * p))
    assert answer["verdict"]["p"] == pytest.approx(min(1.0, 10 * p))
    said = "second opening of the test, so p is multiplied by 10"
    assert said in answer["verdict"]["sentence"]
    assert answer["forecasts"] == evaluated.answer["forecasts"]
    assert answer["table"] == evaluated.answer["table"]


def test_an_evaluation_that_dies_after_opening_has_opened(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "compare", die)
        with pytest.raises(KeyboardInterrupt):
            answer_again(evaluated, again=True)
    assert openings(evaluated) == 2
    shown = answer_again(evaluated)  # the answer of the first opening stands
    assert (shown["openings"], shown["opening"]) == (2, 1)
    assert shown["verdict"] == evaluated.answer["verdict"]
    assert shown["table"] == evaluated.answer["table"]
    assert predict(evaluated.study)["openings"] == 2
    assert answer_again(evaluated, again=True)["openings"] == 3


def test_the_first_answer_stands_whatever_else_is_asked(evaluated: Evaluated) -> None:
    notes: list[str] = []
    for asked in ({"seeds": 1}, {"top": 1, "seeds": 1}, {"top": 99}):
        assert answer_again(evaluated, **asked, say=notes.append) == evaluated.answer
    assert openings(evaluated) == 1
    assert all("stands" in note and "--again" in note for note in notes)
    assert "p is then multiplied by 10" in notes[0]
    assert answer_again(evaluated, seeds=1, again=True)["openings"] == 2


def test_a_fork_of_an_evaluated_study_opens_the_same_test_again(evaluated: Evaluated) -> None:
    path = evaluated.path.with_name("fork.toml")
    text = evaluated.path.read_text(encoding="utf-8")
    path.write_text(text.replace('name = "small"', 'name = "fork"'), encoding="utf-8")
    store = search(load_study(path), Notes(), fork_of="small")
    assert store.name == "fork"
    answer = evaluate(load_study(path), top=2, seeds=1, say=lambda _: None)
    sentence = answer["verdict"]["sentence"]
    assert "second opening of the test (before by small), so p is multiplied by 10" in sentence
    assert (answer["opening"], answer["openings"]) == (2, 2)
    assert answer_again(evaluated)["openings"] == 2, "told of both"


def test_openings_are_of_one_test_where_they_share_rows(evaluated: Evaluated) -> None:
    rng = np.random.default_rng(0)
    dates = np.arange("2015-01-01", "2019-01-01", dtype="datetime64[D]")
    prices = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(dates))))
    store = Store(evaluated.study, create=False)

    def opened(first: int, last: int, prices: Any = prices, dates: Any = dates) -> int:
        own = ledger.marks(dates, prices, np.arange(first, last))
        return ledger.open_test(store, own).number

    assert opened(1000, 1400) == 1
    assert opened(1030, 1430) == 2, "a file that has grown"
    assert opened(1000, 1400, prices=prices * 1.0371) == 3, "prices in another unit"
    assert opened(100, 500) == 1, "other rows of the same file"
    other = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(dates))))
    assert opened(1000, 1400, prices=other) == 1, "another series on the same days"
    still = np.full(len(dates), 50.0)
    assert opened(1000, 1400, prices=still) == opened(1000, 1400, prices=still + 1) == 1


def test_it_may_be_evaluated_while_a_search_runs(evaluated: Evaluated) -> None:
    with only_driver(Store(evaluated.study, create=False)):
        assert answer_again(evaluated, again=True)["openings"] == 2


def test_two_evaluations_at_a_time_are_refused(evaluated: Evaluated) -> None:
    with (
        evaluation.alone(evaluated.study),
        pytest.raises(StorageError, match="evaluated or refitted by another process; wait for it"),
    ):
        answer_again(evaluated)


# --- the champion's folder


def test_a_champion_that_is_gone_or_of_another_evaluation_is_made_again_without_opening(
    evaluated: Evaluated,
) -> None:
    folder = champion_folder(evaluated.study)
    before = weights(folder)
    problem = Problem.load(evaluated.study)
    _, foreign = fitted(problem, seeds=1)
    assert foreign is not None
    for spoil in (
        lambda: shutil.rmtree(folder),
        lambda: foreign.save(folder),
        lambda: (folder / "weights.safetensors").write_bytes(b"short"),
    ):
        spoil()
        with pytest.raises((NoTrialError, StorageError), match="rnnsearch evaluate"):
            predict(evaluated.study)
        said: list[str] = []
        assert answer_again(evaluated, say=said.append) == evaluated.answer
        assert "the champion's folder is not of this evaluation: training it again" in said
        assert_same_weights(before, weights(folder))
        predict(evaluated.study)
    assert openings(evaluated) == 1


# --- what cannot be evaluated


def test_a_study_without_a_complete_trial_exits_with_5(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_study(evaluated.path.parent, "empty")
    Store(load_study(path))
    assert command(monkeypatch, "evaluate", path) == 5
    assert "empty: no trial was completed" in capsys.readouterr().err
    assert command(monkeypatch, "predict", path) == 5


def test_a_study_without_test_rows_is_told_the_way(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_study(evaluated.path.parent, "open", split={"test": 0}, study={"trials": 1})
    with pytest.raises(StudyFileError, match=r"\[split\] test is 0.*`rnnsearch refit`"):
        evaluate(load_study(path), say=str)
    assert command(monkeypatch, "evaluate", path) == 0
    said = capsys.readouterr().out
    assert said.startswith("Never tested")
    assert f"rnnsearch refit {path}" in said
    assert command(monkeypatch, "evaluate", path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["verdict"]["sentence"].startswith("Never tested")
    search_inline(path)
    assert command(monkeypatch, "predict", path) == 1  # nothing was forecast
    assert "run `rnnsearch refit`, which trains the best trial" in capsys.readouterr().err
    assert command(monkeypatch, "refit", path) == 0
    assert command(monkeypatch, "predict", path, "--record") == 0
    assert "journal: " in capsys.readouterr().out
    assert command(monkeypatch, "journal", path) == 0
    assert command(monkeypatch, "report", path) == 0
    page = (evaluated.home / "open.html").read_text(encoding="utf-8")
    assert "No rows are locked that a champion could be tested on" in page


def test_an_evaluation_ends_with_what_to_type_next_and_that_works(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "evaluate", evaluated.path) == 0
    *_, first, second, third = capsys.readouterr().out.strip().splitlines()
    for line, name in ((first, "report"), (second, "refit"), (third, "predict")):
        assert line.startswith(f"rnnsearch {name} {evaluated.path} ")
        assert command(monkeypatch, name, evaluated.path) == 0


# --- other studies, end to end


@pytest.mark.parametrize("kind", ["direction", "level", "joined"])
def test_every_kind_of_study_is_evaluated(home: Path, tmp_path: Path, kind: str) -> None:
    market = {"close_time": "16:00", "time_zone": "America/New_York"}
    changes: dict[str, dict[str, Any]] = {
        "study": {"trials": 3},
        "data": {"path": "bars.csv", "predict": kind if kind != "joined" else "log_return"},
    }
    if kind == "joined":
        changes["data"] |= market
        changes["inputs"] = {"indicators": ["price"], "search": "all"}
        changes["space"] = {"input_shift": [0, 1, 2], "input_shift_per": "family"}
        write_bars(tmp_path / "index.csv", seed=6)
    write_bars(tmp_path / "bars.csv")
    path = write_study(tmp_path, kind, **changes)
    if kind == "joined":
        with path.open("a") as file:
            file.write('\n[[data.join]]\npath = "index.csv"\nprefix = "index_"\n')
            file.write('close_time = "16:00"\ntime_zone = "America/New_York"\n')
    search_inline(path)
    study = load_study(path)
    answer = evaluate(study, top=2, seeds=2, say=quiet)
    json.dumps(answer, allow_nan=False)
    row = answer["table"][0]
    said = predict(
        study, origins=answer["test"]["rows"] + answer["champion"]["params"]["output_shift"]
    )
    rows = said["forecasts"][: answer["test"]["rows"]]
    if kind == "direction":
        assert [r["forecast"] for r in answer["table"]][:2] == ["champion", "base_rate"]
        assert 0 <= row["directional_accuracy"] <= 1
        assert "price_rmse" not in row
        assert answer["interval"] is None
        np.testing.assert_allclose(
            [r["probability_up"] for r in rows], answer["forecasts"]["champion"], atol=1e-6
        )
    else:
        price = np.array([r["forecast_price"] for r in rows])
        if kind == "joined":
            price = np.log(price / np.array(answer["origin_price"]))
            assert any(name.startswith("index_") for name in answer["champion"]["params"]["inputs"])
        np.testing.assert_allclose(price, answer["forecasts"]["champion"], rtol=1e-5, atol=1e-6)
        assert row["price_rmse"] > 0
    model = publish(Problem.load(study), answer, champion_folder(study), notice=pytest.fail)
    assert model == f"models:/rnnsearch-{kind}@champion"


def scored(close: Any, rows: Any, horizon: int, kind: str) -> comparison.ScoredRows:
    train = np.arange(horizon, rows[0] - horizon + 1)
    return comparison.scored_rows(Quotes(close), rows, horizon, targets.get(kind), train)


def test_a_price_that_did_not_change_did_not_rise() -> None:
    close = np.array([1.0, 1.5, 1.5, 2.0, 2.0, 3.0, 2.5])
    rows = np.arange(2, 7)
    test = scored(close, rows, 1, "log_return")
    scores = metrics.score(test.scored(np.full(5, 0.1)))
    assert scores["directional_accuracy"] == scores["always_up"] == pytest.approx(2 / 5)
    still = metrics.score(test.scored(test.naive["no_change"]))
    assert still["directional_accuracy"] == pytest.approx(3 / 5)
    direction = scored(close, rows, 1, "direction")
    assert metrics.score(direction.scored(np.ones(5)))["always_up"] == scores["always_up"]


# --- published figures


def test_the_anchor_figures_of_the_sp500() -> None:
    close = sp500.load()["Close"].to_numpy(np.float64)
    rows = np.arange(len(close) - 1007, len(close))
    expected = {1: (19.975, 0.586, 0.99544), 5: (42.935, None, None), 10: (57.595, None, None)}
    for horizon, (rmse, mape, r2) in expected.items():
        test = scored(close, rows, horizon, "log_return")
        row = metrics.score(test.scored(test.naive["no_change"]))
        assert row["price_rmse"] == pytest.approx(rmse, abs=6e-4)
        assert metrics.score(test.scored(test.hardest_naive))["skill"] == 0
        assert row["skill"] <= 0
        if mape is not None:
            assert row["price_mape"] == pytest.approx(mape, abs=6e-4)
            assert row["price_r2"] == pytest.approx(r2, abs=6e-6)
    test = scored(close, rows, 1, "log_return")
    growth = drift(close, rows, 1, slice(0, rows[0])).forecast
    assert metrics.score(test.scored(growth))["price_rmse"] == pytest.approx(19.972, abs=6e-4)


def test_mase_is_scaled_by_the_mean_move_over_as_many_sessions() -> None:
    close = np.array([1.0, 2.0, 4.0, 3.0, 7.0, 8.0, 5.0, 9.0])
    rows = np.array([6, 7])
    test = scored(close, rows, 2, "log_return")
    moves = [3.0, 1.0, 3.0]  # over two sessions, up to the first origin: the row before `rows`
    assert test.naive_mae == pytest.approx(np.mean(moves))
    later = close.copy()
    later[5:] = 99
    assert scored(later, rows, 2, "log_return").naive_mae == test.naive_mae

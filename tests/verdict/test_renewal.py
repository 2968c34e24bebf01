"""A champion trained on all that is known today: what changes, and what stays as it was."""

import json
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from rnnsearch.config import load_study
from rnnsearch.errors import DataError, NoTrialError, RnnsearchError, StorageError, StudyFileError
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.publish.registry import model_name, publish, publish_refit
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.store import Store
from rnnsearch.verdict import renewal
from rnnsearch.verdict.answers import stored_answer
from rnnsearch.verdict.evaluation import champion_folder, evaluate
from rnnsearch.verdict.prediction import predict
from rnnsearch.verdict.renewal import newest, renew
from tests.helpers.evaluated import (
    BARS,
    Evaluated,
    quiet,
    search_inline,
    write_bars,
)
from tests.helpers.searches import write_study

pytestmark = pytest.mark.slow  # whole searches or commands


def prices_of(study: Evaluated) -> Path:
    path = load_study(study.path).data.path
    assert path is not None
    return path


def test_a_refit_trains_on_every_row_and_predict_uses_it(evaluated: Evaluated) -> None:
    before = predict(evaluated.study)
    assert before["trained"]["refit"] is False
    assert any("`rnnsearch refit" in note for note in before["notes"])
    renewed = renew(evaluated.study, say=quiet)
    frame = pd.read_csv(prices_of(evaluated))
    assert renewed["last"] == str(frame["Date"].iloc[-1])[:10]
    assert renewed["rows"] > before["trained"]["rows"]
    after = predict(evaluated.study)
    assert after["trained"] == {
        "rows": renewed["rows"],
        "first": renewed["first"],
        "last": renewed["last"],
        "refit": True,
        "sessions_since": 0,
    }
    assert after["forecasts"] != before["forecasts"]
    assert after["verdict"] == before["verdict"]
    assert not any("`rnnsearch refit" in note for note in after["notes"])


def test_a_refit_is_a_champion_evaluated_on_a_file_cut_there(
    evaluated: Evaluated, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On a file that ends where the training of the evaluated champion ended: the same weights."""
    champion = Forecaster.load(champion_folder(evaluated.study))
    frame = pd.read_csv(prices_of(evaluated))
    cut = evaluated.path.parent / "cut.csv"
    frame[: len(champion.history.dates)].to_csv(cut, index=False)
    before = predict(evaluated.study, origins=30)["forecasts"]
    renewed = Forecaster.load(Path(renew(evaluated.study, data=cut, say=quiet)["folder"]))
    for ours, theirs in zip(renewed.networks, champion.networks, strict=True):
        for name, weights in ours.state_dict().items():
            np.testing.assert_allclose(weights, theirs.state_dict()[name], atol=1e-6)
    assert renewed.spec.target_scale == pytest.approx(champion.spec.target_scale)
    after = predict(evaluated.study, origins=30)
    assert after["trained"]["refit"] is True
    for key in ("forecast_price", "low_price", "high_price"):
        assert [row[key] for row in after["forecasts"]] == pytest.approx(
            [row[key] for row in before], rel=1e-6
        )


def test_rows_after_the_last_change_nothing(evaluated: Evaluated) -> None:
    frame = pd.read_csv(prices_of(evaluated))
    for name, factor in (("one", 1.0), ("two", 3.0)):
        changed = frame.copy()
        numbers = changed.select_dtypes("number").columns
        changed.loc[300:, numbers] *= factor
        changed.to_csv(evaluated.path.parent / f"{name}.csv", index=False)
        changed[:300].to_csv(evaluated.path.parent / f"{name}-cut.csv", index=False)
    folders = []
    for name in ("one", "two"):
        path = evaluated.path.parent / f"{name}-cut.csv"
        folders.append(renew(evaluated.study, data=path, say=quiet)["identity"])
    assert folders[0] == folders[1]


def test_twice_on_one_day_changes_nothing(evaluated: Evaluated) -> None:
    first, second = (renew(evaluated.study, say=quiet) for _ in range(2))
    assert first["made"]
    assert not second["made"]
    assert {**first, "made": False} == second


def test_rows_that_differ_from_those_of_the_last_refit_are_named(evaluated: Evaluated) -> None:
    renew(evaluated.study, say=quiet)
    frame = pd.read_csv(prices_of(evaluated))
    place = len(frame) - 4  # none of the rows that the evaluated champion had
    frame.loc[place, "Close"] *= 1.01
    frame.to_csv(prices_of(evaluated), index=False)
    renewed = renew(evaluated.study, say=quiet)
    assert renewed["made"]
    (note,) = [one for one in renewed["notes"] if "differs from the history" in one]
    assert f"first on {frame['Date'][place]}" in note


def test_a_window_keeps_the_last_rows_and_a_short_one_is_refused(evaluated: Evaluated) -> None:
    renewed = renew(evaluated.study, window=60, say=quiet)
    assert renewed["rows"] == 60
    with pytest.raises(StudyFileError, match="--window: must be at least 50 rows, got 7"):
        renew(evaluated.study, window=7, say=quiet)


def test_the_interval_learns_from_forecasts_since_the_champion_was_trained(
    evaluated: Evaluated,
) -> None:
    champion = Forecaster.load(champion_folder(evaluated.study))
    renewed = Forecaster.load(Path(renew(evaluated.study, say=quiet)["folder"]))
    fresh = len(renewed.errors) - len(champion.errors)
    assert fresh >= evaluated.answer["test"]["rows"]
    np.testing.assert_array_equal(renewed.errors[: len(champion.errors)], champion.errors)
    rows = predict(evaluated.study)["forecasts"]
    assert all(row["low_price"] < row["forecast_price"] < row["high_price"] for row in rows)


def test_a_refit_that_dies_leaves_the_one_before(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = renew(evaluated.study, say=quiet)
    real = renewal.replace_file

    def dies(path: Path, write: Callable[..., object]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(renewal, "replace_file", dies)
    with pytest.raises(KeyboardInterrupt):
        renew(evaluated.study, window=60, say=quiet)
    monkeypatch.setattr(renewal, "replace_file", real)
    assert predict(evaluated.study)["trained"]["rows"] == first["rows"]
    assert renew(evaluated.study, window=60, say=quiet)["rows"] == 60


def test_a_refit_of_an_earlier_evaluation_does_not_count(evaluated: Evaluated) -> None:
    renew(evaluated.study, say=quiet)
    assert newest(evaluated.study, evaluated.answer["champion"]["identity"]) is not None
    assert newest(evaluated.study, "another") is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"identity": "../.."}', '{"identity": "gone"}'])
def test_a_damaged_pointer_is_told_with_the_way_out(evaluated: Evaluated, text: str) -> None:
    renew(evaluated.study, say=quiet)
    root = evaluated.home / "refits" / evaluated.study.name
    (root / renewal.NEWEST).write_text(text)
    with pytest.raises(StorageError, match="run `rnnsearch refit`, which makes it again"):
        predict(evaluated.study)
    assert renew(evaluated.study, say=quiet)["made"]


def test_damaged_weights_of_a_refit_are_told_and_made_again(evaluated: Evaluated) -> None:
    first = renew(evaluated.study, say=quiet)
    (Path(first["folder"]) / "weights.safetensors").write_bytes(b"")
    with pytest.raises(StorageError, match="the newest refit cannot be read"):
        predict(evaluated.study)
    assert renew(evaluated.study, say=quiet) == first
    assert predict(evaluated.study)["trained"]["last"] == first["last"]


def test_a_refit_before_an_evaluation_says_what_to_do(evaluated: Evaluated) -> None:
    Store(evaluated.study, create=False).note("evaluation", None)
    with pytest.raises(NoTrialError, match="run `rnnsearch evaluate` first"):
        renew(evaluated.study, say=quiet)


def test_the_alias_moves_to_the_refit_and_the_evaluated_one_keeps_its_own(
    evaluated: Evaluated,
) -> None:
    study, answer = evaluated.study, evaluated.answer
    said: list[str] = []
    problem = Problem.load(study)
    publish(problem, answer, champion_folder(study), notice=said.append)
    renew(study, say=quiet)
    for _ in range(2):
        uri = publish_refit(study, answer["champion"]["identity"], notice=said.append)
        assert uri == f"models:/{model_name(study)}@champion"
        publish(problem, answer, champion_folder(study), notice=said.append)  # evaluated once more
    assert not said
    mlflow.set_tracking_uri(f"sqlite:///{evaluated.home / 'mlflow.db'}")
    client = mlflow.MlflowClient()
    champion = client.get_model_version_by_alias(model_name(study), "champion")
    first = client.get_model_version_by_alias(model_name(study), "evaluated")
    assert (int(first.version), int(champion.version)) == (1, 2)
    assert champion.tags["trained_last"] == predict(study)["trained"]["last"]
    model = mlflow.pyfunc.load_model(f"models:/{model_name(study)}@champion")
    served = model.predict(pd.read_csv(prices_of(evaluated)))
    ours = predict(study)["forecasts"]
    np.testing.assert_allclose(
        served["forecast_price"].astype(float), [row["forecast_price"] for row in ours], rtol=1e-6
    )


def test_predict_with_refit_does_both(
    evaluated: Evaluated, rnnsearch: Callable[..., Result]
) -> None:
    code, out, err = rnnsearch("predict", evaluated.path, "--refit", "--json")
    assert code == 0, err
    assert json.loads(out)["trained"]["refit"] is True
    code, out, _ = rnnsearch("refit", evaluated.path, "--json")
    assert code == 0
    assert json.loads(out)["made"] is False
    code, out, _ = rnnsearch("refit", evaluated.path)
    assert "was trained before on the same" in out


def test_a_new_evaluation_makes_the_refit_its_own(evaluated: Evaluated) -> None:
    renew(evaluated.study, say=quiet)
    search_inline(evaluated.path, "+2")
    evaluate(evaluated.study, top=3, seeds=2, again=True, say=quiet)
    answer = stored_answer(Store(evaluated.study, create=False))
    assert answer is not None
    same = answer["champion"]["identity"] == evaluated.answer["champion"]["identity"]
    assert predict(evaluated.study)["trained"]["refit"] is same


def test_forecasts_of_rows_that_trained_the_weights_are_told(evaluated: Evaluated) -> None:
    renew(evaluated.study, say=quiet)
    notes = predict(evaluated.study, origins=20)["notes"]
    assert any("rows that trained the weights" in note for note in notes)


def test_a_study_without_locked_rows_has_a_champion_by_refit(home: Path, tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.csv")
    settings = {"study": {"trials": 2}, "split": {"test": 0.0}, "data": BARS["data"]}
    path = write_study(tmp_path, **settings, inputs=BARS["inputs"])
    search_inline(path)
    study = load_study(path)
    with pytest.raises(StudyFileError, match="`rnnsearch refit` trains"):
        evaluate(study, top=1, seeds=1, say=quiet)
    with pytest.raises(RnnsearchError, match="run `rnnsearch refit`, which trains"):
        predict(study)
    renewed = renew(study, say=quiet)
    assert predict(study)["trained"]["sessions_since"] == 0
    assert predict(study)["verdict"].startswith("Never tested")
    assert not renew(study, say=quiet)["made"]
    search_inline(path, "+1")
    assert renew(study, say=quiet)["rows"] == renewed["rows"]


def test_a_study_without_locked_rows_whose_file_has_grown_chooses_on_what_was_searched(
    home: Path, tmp_path: Path
) -> None:
    rows = write_bars(tmp_path / "bars.csv").read_text().splitlines(keepends=True)
    (tmp_path / "bars.csv").write_text("".join(rows[:390]))
    settings = {"study": {"trials": 1}, "split": {"test": 0.0}, "data": BARS["data"]}
    path = write_study(tmp_path, **settings, inputs=BARS["inputs"])
    search_inline(path)
    (tmp_path / "bars.csv").write_text("".join(rows))
    study = load_study(path)
    renewed = renew(study, say=quiet)
    assert renewed["last"] == rows[-1][:10]
    champion = Forecaster.load(champion_folder(study))
    assert str(champion.history.dates[-1])[:10] <= rows[389][:10]
    store = Store(study, create=False)
    store.note(renewal.UNTESTED, None)
    (tmp_path / "bars.csv").write_text("".join([*rows[:300], *rows[301:]]))
    with pytest.raises(DataError, match="the data have changed"):
        renew(study, say=quiet)

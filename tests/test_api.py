"""`from rnnsearch import Study`: what the commands do, in Python."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import rnnsearch
from rnnsearch import Study
from rnnsearch.errors import NoTrialError, StorageError, StudyFileError
from rnnsearch.verdict.prediction import predict
from tests.helpers.evaluated import Evaluated
from tests.helpers.places import ROOT
from tests.helpers.searches import write_study
from tests.test_docs import blocks

pytestmark = pytest.mark.slow  # whole searches or commands

PARAMETERS = {"cell", "layers", "neurons", "window", "epochs", "inputs", "output_shift", "seed"}
METRICS = {"rmse", "naive_rmse", "directional_accuracy", "price_mape"}


def test_the_lines_of_the_readme_run(
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (lines,) = blocks(ROOT / "README.md", "python")
    write_study(tmp_path / "studies", "quickstart", study={"trials": 3})
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(lines, names)
    trials, forecast = names["trials"], names["forecast"]
    assert isinstance(trials, pd.DataFrame)
    assert len(trials) == 3
    assert isinstance(forecast, pd.DataFrame)
    assert capsys.readouterr().out == f"{names['answer']['verdict']['sentence']}\n"  # type: ignore[index]


def test_trials_are_a_table_with_a_row_each(evaluated: Evaluated) -> None:
    trials = Study(evaluated.path).trials()
    assert list(trials["number"]) == list(range(6))
    assert set(trials["state"]) == {"complete"}
    assert set(trials) >= PARAMETERS | METRICS
    assert trials["value"].dtype == trials["rmse"].dtype == "float64"
    assert trials["layers"].dtype == trials["window"].dtype == "int64"
    first = trials.iloc[0]
    assert first["ended"] >= first["started"]
    assert "return" in first["inputs"]
    skill = 1 - trials["rmse"] / trials["naive_rmse"]
    assert (skill - trials["skill"]).abs().max() < 0.02  # the value is a mean over folds
    assert evaluated.answer["champion"]["trial"] in set(trials["number"])


def test_evaluate_and_predict_say_what_the_commands_say(evaluated: Evaluated) -> None:
    study = Study(evaluated.path)
    answer = study.evaluate(top=2, seeds=2)
    assert answer == evaluated.answer
    forecast = study.predict(origins=2, level=0.8)
    told = predict(study.settings, origins=2, level=0.8)
    assert forecast.to_dict("records") == told["forecasts"]
    assert forecast.attrs["verdict"] == told["verdict"] == answer["verdict"]["sentence"]


def test_errors_are_those_of_the_commands(tmp_path: Path, home: Path) -> None:
    with pytest.raises(StudyFileError, match="there is no such study file"):
        Study(tmp_path / "nothere.toml")
    study = Study(write_study(tmp_path), run__workers=1)
    assert repr(study) == "Study('small')"
    with pytest.raises(StudyFileError, match="--trials: a number from 1 on"):
        study.search(trials="many")
    with pytest.raises(StorageError, match="there is no study"):
        study.trials()


def test_a_search_without_a_result_raises(tmp_path: Path, home: Path) -> None:
    space = {"optimizer": "sgd", "learning_rate": 10.0, "clip": 0, "epochs": 3, "batch_size": 4}
    study = Study(write_study(tmp_path, space=space | {"window": 2, "output_shift": 1}))
    with pytest.raises(NoTrialError, match="they failed with: diverged"):
        study.search(trials=1)
    assert list(study.trials()["state"]) == ["failed"]
    assert study.trials()["reason"][0].startswith("diverged")


def test_the_package_itself_imports_nothing_slow() -> None:
    slow = "{'numpy', 'pandas', 'optuna', 'torch'}"
    code = f"import sys, rnnsearch; sys.exit(len({slow} & {{*sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'Studies'"):
        _ = rnnsearch.Studies

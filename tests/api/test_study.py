"""`from rnnsearch import Study`: what the commands do, in Python."""

import html
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

import rnnsearch
from rnnsearch import Study
from rnnsearch.api.told import Told
from rnnsearch.errors import (
    DataError,
    NoTrialError,
    RnnsearchError,
    StorageError,
    StudyFileError,
)
from rnnsearch.language import in_language
from rnnsearch.terminal.tables import frame_table
from rnnsearch.verdict.prediction import predict
from tests.helpers.evaluated import Evaluated, write_bars
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
    scalars = str | int | float | bool | None | pd.Timestamp | type(pd.NaT)
    assert all(isinstance(value, scalars) for value in trials.astype(object).to_numpy().ravel())
    by_neurons = trials.groupby("neurons")["skill"].agg(["count", "max"])
    assert by_neurons["count"].sum() == len(trials)
    assert by_neurons["max"].max() == trials["skill"].max()
    assert (trials["input_count"] == trials["inputs"].str.split(", ").str.len()).all()
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


def test_arguments_of_another_kind_are_refused_in_words(tmp_path: Path, home: Path) -> None:
    study = Study(write_study(tmp_path))
    for call, said in (
        (lambda: Study(3), "Study: should be the path of a file, got a int"),
        (lambda: Study({"data": {}}), "a dict is taken by Study.from_dict"),
        (lambda: Study.from_csv(pd.DataFrame()), "write a table with frame.to_csv first"),
        (lambda: Study.from_dict([1]), "Study.from_dict: should be a mapping of sections"),
        (
            lambda: Study.from_dict({"data": {"path": object()}}),
            "Study.from_dict data path: should",
        ),
        (lambda: study.search(timeout="soon"), "search: timeout: a time limit is written with"),
        (lambda: study.search(timeout=60), 'write "60s" for seconds'),
        (lambda: study.evaluate(top=0), "evaluate: top should be a whole number from 1 on, got 0"),
        (lambda: study.evaluate(seeds=1.5), "seeds should be a whole number from 1 on, got 1.5"),
        (lambda: study.predict(level=2), "predict: level should be from 0.5 to 0.99, got 2"),
        (lambda: study.predict(origins=-1), "origins should be a whole number from 1 on, got -1"),
        (lambda: study.predict(data=3), "predict: should be the path of a file, got a int"),
        (lambda: study.refit(window="x"), "refit: window should be a whole number"),
        (lambda: study.compare(), "there is no study"),
        (lambda: study.compare(3), "Study: should be the path of a file, got a int"),
    ):
        with pytest.raises(RnnsearchError, match=re.escape(said)):
            call()


def test_a_study_is_made_of_a_price_file_without_a_study_file(tmp_path: Path, home: Path) -> None:
    data = write_bars(tmp_path / "my prices.csv")
    study = Study.from_csv(data, study__trials=2, space__cell=["gru"], run__engine="inline")
    assert study.name == "my_prices"
    assert study.settings.study.trials == 2
    assert study.settings.space.cell == ("gru",)
    assert study.settings.data.path == data
    assert not list(tmp_path.glob("**/*.toml"))
    shown = study._repr_html_()
    assert "data: my prices.csv, 400 daily bars" in shown
    assert "2 trials wanted, none begun: search() begins" in shown
    assert list(study.prices()["Close"])[:1] == list(pd.read_csv(data)["Close"])[:1]
    with pytest.raises(
        StudyFileError, match=re.escape("Study.from_csv(my prices.csv): [space] cell")
    ):
        Study.from_csv(data, space__cell=["transformer"])
    with pytest.raises(DataError, match="there is no column 'Open2'"):
        Study.from_csv(data, target="Open2")
    assert Study.from_csv(data, name="other").name == "other"


def test_a_study_of_a_dict_is_that_of_the_file_with_its_words(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_study(tmp_path)
    tables = tomllib.loads(path.read_text())
    tables["space"] |= {"neurons": np.array([2, 4]), "window": range(2, 5)}
    tables["data"] = {"path": Path("prices.csv")}
    monkeypatch.chdir(tmp_path)
    study = Study.from_dict(tables, name="small")
    assert study.settings.fingerprint() == Study(path).settings.fingerprint()
    assert Study.from_dict(tables).name == "prices"
    with pytest.raises(StudyFileError) as told:
        Study.from_dict(tables | {"space": {"neurons": "many", "layer": 1}})
    assert "Study.from_dict: [space] layer" in str(told.value)
    assert "Study.from_dict: [space] neurons" in str(told.value)


def test_what_commands_print_is_shown_as_text_and_as_html(evaluated: Evaluated) -> None:
    study = Study(evaluated.path)
    status = study.status()
    assert status["complete"] == 6
    assert json.loads(json.dumps(status)) == status
    assert "6 of 6 trials finished" in repr(status)
    assert "<caption" in status._repr_html_()
    assert "6 of 6 trials finished" in study._repr_html_()
    best = study.best
    assert best is not None
    assert best["skill"] == study.trials()["skill"][best["number"]]
    inputs = study.inputs()
    assert {"name", "family", "warmup", "chosen", "gain_with"} <= set(inputs)
    compared = study.compare()
    assert {one["parameter"] for one in compared["comparisons"]} >= {"cell", "output_shift"}
    assert "Compared, by gain" in repr(compared)
    checked = study.check()
    assert [row["rows"] for row in checked["rows"]][-1] == "test (locked)"
    assert "time per trial: about" in repr(checked)
    assert len(study.optuna_study.trials) == 6
    assert study.optuna_study.best_trial.number == best["number"]
    looked = study.explain()
    assert looked["sentence"] in repr(looked).replace("\n", " ")
    assert json.loads(json.dumps(looked)) == looked
    answer = study.evaluate(top=2, seeds=2)
    assert repr(answer).startswith(" ".join(answer["verdict"]["sentence"].split()[:3]))


def test_figures_are_those_of_the_page_and_the_page_is_shown_in_a_frame(
    evaluated: Evaluated,
) -> None:
    study = Study(evaluated.path)
    figures = study.figures()
    assert {"best_so_far", "forecast_prices"} <= set(figures)
    assert all(isinstance(figure, go.Figure) for figure in figures.values())
    assert figures["best_so_far"].layout.title.text == "Trial by trial"
    assert "0 is doing nothing" in figures["best_so_far"].layout.meta["caption"]
    page = study.report()
    assert page.path.read_text(encoding="utf-8").startswith("<!")
    shown = page._repr_html_()
    assert shown.count("<iframe") == 1
    assert html.unescape(shown.split('srcdoc="')[1].split('"')[0]) == page.path.read_text("utf-8")


def test_nothing_in_a_name_is_obeyed_by_a_notebook() -> None:
    told = Told({}, ["<b>bold</b>", frame_table("<i>", pd.DataFrame({"<s>": ["\x1b[31m<u>"]}))])
    assert "<b>" not in told._repr_html_()
    assert "&lt;s&gt;" in told._repr_html_()
    assert "\\x1b[31m&lt;u&gt;" in told._repr_html_()
    (line,) = StudyFileError("a \x1b[31m red\nname")._render_traceback_()
    assert line == "StudyFileError: a \\x1b[31m red\nname"


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


def test_what_a_check_shows_is_in_the_users_language_and_its_values_are_english(
    evaluated: Evaluated,
) -> None:
    study = Study(evaluated.path)
    with in_language("zh-TW"):
        told = study.check()
        assert "每個試驗的時間" in repr(told)
    assert [*told["space"][0]] == ["parameter", "values", "count"]
    assert told["rows"][-1]["rows"] == "test (locked)"
    assert any(fact.startswith("time per trial: about") for fact in told["facts"])
    assert not re.search("[\u4e00-\u9fff]", json.dumps(told, ensure_ascii=False))


def test_a_file_of_several_series_is_refused_with_the_argument_of_python(tmp_path: Path) -> None:
    rows = [f"2020-01-{day:02},{name},{day}" for name in ("AAA", "BBB") for day in range(1, 29)]
    path = tmp_path / "many.csv"
    path.write_text("\n".join(["Date,Ticker,Close", *rows]))
    with pytest.raises(DataError) as refused:
        Study.from_csv(path)
    assert "or series='AAA' of Study.from_csv" in str(refused.value)
    with pytest.raises(DataError, match=f"`rnnsearch init {tmp_path.name}` writes, for a search"):
        Study.from_csv(tmp_path)

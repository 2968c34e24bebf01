"""The champion behind MLflow: raw prices in, the numbers of `predict` out, errors in words."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from rnnsearch.publish.pyfunc import ServedForecaster, _load_pyfunc
from rnnsearch.publish.registry import model_name, publish, publish_refit
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.verdict.evaluation import champion_folder
from rnnsearch.verdict.prediction import predict
from rnnsearch.verdict.renewal import renew
from tests.helpers.evaluated import (
    Evaluated,
    copy_study,
    fit_forecaster,
    write_bars,
)
from tests.helpers.searches import wait_until, write_study


@pytest.fixture(scope="module")
def champion(
    evaluated_once: Evaluated, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Evaluated]:
    """A copy of the small study for these tests, which register its champion."""
    with pytest.MonkeyPatch.context() as patch:
        yield copy_study(evaluated_once, tmp_path_factory.mktemp("served"), patch)


@pytest.fixture(scope="module")
def model_uri(champion: Evaluated) -> str:
    """The alias, after it has moved from the evaluated champion to its refit."""
    study = champion.study
    publish(Problem.load(study), champion.answer, champion_folder(study), notice=pytest.fail)
    renewed = renew(study, say=str)
    uri = publish_refit(study, renewed["evaluated"], notice=pytest.fail)
    assert uri is not None
    return uri


def raw(study: Evaluated) -> pd.DataFrame:
    """The rows of the price file as a client has them: dates are text."""
    return pd.read_csv(study.path.parent / "prices.csv", dtype={"Date": str})


@dataclass(frozen=True)
class Server:
    url: str

    def post(self, frame: pd.DataFrame, **params: Any) -> tuple[int, Any]:
        """Status and answer."""
        body = {"dataframe_split": json.loads(frame.to_json(orient="split", double_precision=15))}
        body["dataframe_split"].pop("index")
        return self.post_raw(body | ({"params": params} if params else {}))

    def post_raw(self, body: Any) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"{self.url}/invocations",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.loads(response.read(), parse_constant=pytest.fail)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


@pytest.fixture(scope="module")
def server(
    champion: Evaluated, model_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A real `mlflow models serve` of the registered champion; takes ten seconds to start."""
    folder = tmp_path_factory.mktemp("serve")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = os.environ | {"MLFLOW_TRACKING_URI": tracking_uri(champion.study)}
    environment.pop("RNNSEARCH_HOME", None)  # it knows nothing of us
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", model_uri]
    command += ["--env-manager", "local", "-h", "127.0.0.1", "-p", str(port), "-w", "1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, cwd=folder, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            with urllib.request.urlopen(f"{url}/ping", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            time.sleep(0.2)
            return False

    try:
        wait_until(answers, seconds=180)
        yield Server(url)
    finally:
        for kind in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, kind)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)


@pytest.mark.slow
def test_the_loaded_model_says_what_predict_says(champion: Evaluated, model_uri: str) -> None:
    import mlflow

    mlflow.set_tracking_uri(tracking_uri(champion.study))
    model = mlflow.pyfunc.load_model(model_uri)
    for params in ({}, {"origins": 25}, {"origins": 3, "level": 0.5}):
        expected = predict(champion.study, **params)["forecasts"]
        assert model.predict(raw(champion), params=params).to_dict("records") == expected
    folder = Path(mlflow.artifacts.download_artifacts(model_uri))
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} <= {".json", ".safetensors", ".yaml", ".txt", ""}
    assert "loader_module: rnnsearch.publish.pyfunc" in (folder / "MLmodel").read_text()


@pytest.mark.slow
def test_a_server_answers_with_the_numbers_of_predict_and_evaluate(
    champion: Evaluated, server: Server
) -> None:
    answer = champion.answer
    origins = answer["test"]["rows"] + answer["champion"]["params"]["output_shift"]
    status, served = server.post(raw(champion), origins=origins)
    assert status == 200
    expected = predict(champion.study, origins=origins)["forecasts"]
    rows = served["predictions"]
    assert [row["target_date"] for row in rows] == [row["target_date"] for row in expected]
    for key in ("forecast_return", "forecast_price", "low_price", "high_price"):
        np.testing.assert_allclose(
            [row[key] for row in rows], [row[key] for row in expected], rtol=1e-6, atol=1e-9
        )
    served = np.array([row["forecast_price"] for row in rows[: answer["test"]["rows"]]])
    # The server has the refit; the champion that met the locked rows keeps an alias of its own.
    mlflow.set_tracking_uri(tracking_uri(champion.study))
    evaluated = mlflow.pyfunc.load_model(f"models:/{model_name(champion.study)}@evaluated")
    told = evaluated.predict(raw(champion), params={"origins": origins})
    price = told["forecast_price"].to_numpy(np.float64)[: len(served)]
    found = np.log(price / np.array(answer["origin_price"]))
    np.testing.assert_allclose(found, answer["forecasts"]["champion"], atol=2e-7)
    assert not np.allclose(served, price, rtol=1e-6)
    assert rows[-1]["target_date"] is None  # no calendar is named


@pytest.mark.slow
def test_a_server_says_what_is_wrong_with_a_request(champion: Evaluated, server: Server) -> None:
    frame = raw(champion)
    swapped = frame.iloc[[1, 0, *range(2, len(frame))]]
    needed = champion.answer["champion"]["params"]["window"]
    gap = frame.assign(Close=frame["Close"].where(frame.index != 7))
    for wrong, reason in (
        (frame[: needed - 1], "rows"),
        (frame.drop(columns="Close"), "request: there is no column 'Close'"),
        (frame.drop(columns="Date"), "request: there is no date column"),
        (swapped, "request: dates must increase, but row 2 is 2020-01-01 after 2020-01-02"),
        (gap, "request: Close must be there in every row, but row 8"),
    ):
        status, answer = server.post(wrong)
        assert status == 400
        assert reason in answer["message"], answer["message"]
    status, answer = server.post(frame, level=2.0)
    assert status == 400
    assert "level must lie between 0 and 1, got 2" in answer["message"]
    status, answer = server.post_raw({"inputs": [[1.0, 2.0]]})
    assert status == 400
    assert "send them as dataframe_split or dataframe_records" in answer["message"]
    assert server.post(frame)[0] == 200  # it goes on


def test_records_and_real_dates_are_understood(champion: Evaluated) -> None:
    model = _load_pyfunc(str(champion_folder(champion.study)))
    frame = raw(champion)
    first = model.predict(frame)
    dated = frame.assign(Date=pd.to_datetime(frame["Date"]))
    pd.testing.assert_frame_equal(model.predict(dated), first)
    lower = frame.rename(columns=str.lower).rename(columns={"spread": "Spread"})
    pd.testing.assert_frame_equal(
        model.predict(lower.rename(columns={"breadth": "Breadth"})), first
    )


def test_joined_series_are_read_where_they_were(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.csv")
    write_bars(tmp_path / "index.csv", seed=6)
    market = {"close_time": "16:00", "time_zone": "America/New_York"}
    path = write_study(tmp_path, data={"path": "bars.csv"} | market)
    with path.open("a") as file:
        file.write('\n[[data.join]]\npath = "index.csv"\nprefix = "index_"\n')
        file.write('close_time = "16:00"\ntime_zone = "America/New_York"\n')
    problem, forecaster = fit_forecaster(path, inputs=["return", "index_return"])
    served = ServedForecaster(forecaster).predict(pd.read_csv(tmp_path / "bars.csv"))
    expected = forecaster.forecast(problem.prices)
    np.testing.assert_array_equal(served["forecast_price"], expected["forecast_price"])
    (tmp_path / "index.csv").unlink()
    with pytest.raises(Exception, match=r"index\.csv: there is no such file"):
        ServedForecaster(forecaster).predict(pd.read_csv(tmp_path / "bars.csv"))


def test_a_model_registered_by_an_earlier_version_loads(
    champion: Evaluated,
) -> None:
    """Its MLmodel file names the module in which the loader was then."""
    from rnnsearch.publish import pyfunc

    loader = import_module("rnnsearch.results.serving")
    assert loader._load_pyfunc is pyfunc._load_pyfunc
    model = loader._load_pyfunc(str(champion_folder(champion.study)))
    assert isinstance(model, pyfunc.ServedForecaster)

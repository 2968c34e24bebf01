"""One network of many series, from its search to its forecasts of series that it never saw."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from rnnsearch.config import load_study
from rnnsearch.errors import DataError, StorageError, StudyFileError
from rnnsearch.model.forecasting.pooled import SERIES, PooledForecaster
from rnnsearch.publish.registry import model_name, publish
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.verdict.evaluation import champion_folder, evaluate
from rnnsearch.verdict.pooled.evaluating import pooled_losses
from tests.helpers.pooled import series, write_panel, write_pooled
from tests.helpers.searches import resume

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]  # whole searches

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def evaluated_pool(
    tmp_path_factory: pytest.TempPathFactory, _mlflow_database: Path, _kernels: None
) -> Path:
    """The folder of a study that is searched and evaluated. Not to be changed."""
    folder = tmp_path_factory.mktemp("pool")
    with pytest.MonkeyPatch.context() as patch:
        (folder / "runs").mkdir()
        shutil.copy(_mlflow_database, folder / "runs" / "mlflow.db")
        patch.setenv("RNNSEARCH_HOME", str(folder / "runs"))
        space = {"embedding": [0, 3], "epochs": 6, "learning_rate": 0.01, "output_shift": [1, 2]}
        path = write_pooled(folder, count=6, space=space)
        resume(path)
        study = load_study(path)
        problem = Problem.load(study)
        answer = evaluate(study, top=2, seeds=2, say=lambda _: None, problem=problem)
        publish(problem, answer, champion_folder(study), notice=pytest.fail)
    return folder


@pytest.fixture
def pool(evaluated_pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The study file of a copy of it."""
    folder = tmp_path / "copy"
    shutil.copytree(evaluated_pool, folder)
    monkeypatch.setenv("RNNSEARCH_HOME", str(folder / "runs"))
    return folder / "pooled.toml"


def test_the_answer_is_of_all_series_and_stands(pool: Path, rnnsearch: Command) -> None:
    code, out, err = rnnsearch("evaluate", pool, "--json")
    assert code == 0, err
    answer = json.loads(out)
    assert answer["openings"] == 1
    assert "of 6 series by one network" in answer["verdict"]["sentence"]
    told = answer["pool"]
    skills = [row["skill"] for row in told["series"]]
    assert len(skills) == 6
    assert skills == sorted(skills, reverse=True)
    assert answer["table"][0]["skill"] == pytest.approx(np.mean(skills))
    assert -1 <= told["cross_section"]["rank_ic"] <= 1
    assert told["long_short"]["sharpe"] < told["long_short"]["sharpe_gross"]
    forecasts = [row["forecast"] for row in answer["table"]]
    assert forecasts[0] == "champion"
    assert {"ridge", "trees", "drift", "theta"} == {*forecasts} & {*answer["baselines"]}
    assert {"diebold_mariano_ridge", "diebold_mariano_trees"} <= {*answer["corrected"]}
    interval = answer["interval"]
    assert interval["rows"] == told["rows"]
    assert interval["share"] == pytest.approx(
        sum(row["held"] * row["rows"] for row in told["series"]) / told["rows"]
    )
    assert interval["worst"]["share"] <= interval["share"] <= interval["best"]["share"]
    assert len(interval["quarters"]) == 4
    code, out, err = rnnsearch("evaluate", pool)
    assert code == 0, err
    assert "rank IC" in out
    assert "Sharpe ratio" in out
    assert "P5" in out
    assert "better than boosted trees (Diebold–Mariano)" in out
    assert "Of one series they held between" in out
    code, out, err = rnnsearch("report", pool)
    assert code == 0, err
    page = Path(out.strip()).read_text()
    assert "Series by series" in page
    assert "Better than a linear regression?" in page
    assert "What the intervals held" in page
    assert "P3" in page
    code, out, err = rnnsearch("status", pool)
    assert "3 of 3 trials" in out


def test_every_series_is_forecast_and_one_it_never_saw_is_marked(
    pool: Path, rnnsearch: Command, tmp_path: Path
) -> None:
    code, out, err = rnnsearch("predict", pool, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert {row["series"] for row in told["forecasts"]} == {f"P{n}" for n in range(6)}
    assert all(row["seen"] for row in told["forecasts"])
    assert all(row["low_price"] < row["high_price"] for row in told["forecasts"])
    assert any(note.startswith("P2: the last prices, and so") for note in told["notes"])
    new = tmp_path / "NEW.csv"
    series(9).to_csv(new)
    code, out, err = rnnsearch("predict", pool, "--data", new, "--json", "--origins", "3")
    assert code == 0, err
    told = json.loads(out)
    assert [(row["series"], row["seen"]) for row in told["forecasts"]] == [("NEW", False)] * 3
    assert all(row["low_price"] < row["high_price"] for row in told["forecasts"])
    assert any("never saw" in note for note in told["notes"])
    # What is known later changes none of them.
    frame = series(9)
    frame.iloc[-1] = [1.0, 30.0, -30.0]
    frame.to_csv(new)
    code, out, err = rnnsearch("predict", pool, "--data", new, "--json", "--origins", "3")
    again = json.loads(out)["forecasts"]
    for one, two in zip(told["forecasts"][:2], again[:2], strict=True):
        assert one["forecast_price"] == pytest.approx(two["forecast_price"], rel=1e-9)
    series(9)[:40].to_csv(new)
    code, out, err = rnnsearch("predict", pool, "--data", new)
    assert code == DataError.exit_code
    assert "needs 50 rows" in err
    code, out, err = rnnsearch("predict", pool, "--data", tmp_path / "none.csv")
    assert code == DataError.exit_code
    assert "there is no such file" in err


def test_a_refit_trains_on_all_that_is_known(
    pool: Path, rnnsearch: Command, tmp_path: Path
) -> None:
    code, out, err = rnnsearch("refit", pool)
    assert code == 0, err
    assert "is trained on" in out
    code, out, err = rnnsearch("refit", pool)
    assert "was trained before" in out
    code, out, err = rnnsearch("predict", pool, "--json")
    assert code == 0, err
    assert json.loads(out)["trained"]["refit"] is True
    code, out, err = rnnsearch("predict", pool, "--origins", "5")
    assert code == 0, err
    assert re.search(r"P0.*targets are rows that trained the weights", err)
    assert re.search(r"P0.*targets after the end of the file have no date", err)
    for damaged in (pool.parent / "runs" / "refits").rglob(SERIES):
        damaged.write_bytes(b"x")
    code, out, err = rnnsearch("refit", pool)
    assert code == 0, err
    assert "is trained on" in out
    newer = tmp_path / "newer"
    write_panel(newer, 7)  # one more than there were
    frame = pd.read_csv(newer / "P0.csv")
    frame.loc[100, "Close"] *= 1.01
    frame.to_csv(newer / "P0.csv", index=False)
    (newer / "P3.csv").unlink()
    code, out, err = rnnsearch("refit", pool, "--data", newer)
    assert code == 0, err
    assert "P0: differs from the history the champion was trained on in 1 of" in err
    assert "P3: not in these prices" in err
    code, out, err = rnnsearch("predict", pool, "--data", newer, "--json")
    rows = [r for r in json.loads(out)["forecasts"] if r["series"] == "P6"]
    assert all(row["seen"] for row in rows)
    # It has no validation rows: its intervals come from the errors of the others.
    assert all(row["low_price"] < row["high_price"] for row in rows)


def test_a_refit_of_the_newest_dates_leaves_out_whose_rows_are_older(
    pool: Path, rnnsearch: Command
) -> None:
    ended = pool.parent / "panel" / "P2.csv"
    frame = pd.read_csv(ended)
    frame[:-60].to_csv(ended, index=False)
    newer = ("--data", pool.parent / "panel")
    rows = {}
    for flags in (("--window", "120"), ("--window", "9999"), ()):
        code, out, err = rnnsearch("refit", pool, *newer, *flags, "--json")
        assert code == 0, err
        told = json.loads(out)
        rows[flags] = told["rows"], told["identity"]
        names = [*PooledForecaster.load(Path(told["folder"])).series]
        assert ("P2" in names) is (flags != ("--window", "120"))
        assert len(names) == (5 if "P2" not in names else 6)
    assert rows["--window", "120"][0] == 5 * 120
    assert rows["--window", "9999"] == rows[()]  # it is the same refit
    code, out, err = rnnsearch("refit", pool, "--window", "10")
    assert code == StudyFileError.exit_code
    assert "must be at least 50 rows" in err


def test_a_served_model_is_told_whose_rows_it_is_given_and_says_what_predict_says(
    pool: Path, rnnsearch: Command
) -> None:
    study = load_study(pool)
    code, out, err = rnnsearch("predict", pool, "--json", "--origins", "2")
    assert code == 0, err
    expected = [row for row in json.loads(out)["forecasts"] if row["series"] in ("P0", "P4")]
    frames = [
        pd.read_csv(pool.parent / "panel" / f"{name}.csv").assign(series=name)
        for name in ("P0", "P4")
    ]
    new = series(9).reset_index().assign(series="NEW")
    mlflow.set_tracking_uri(tracking_uri(study))
    for uri in (f"models:/{model_name(study)}@champion", f"models:/{model_name(study)}@evaluated"):
        model = mlflow.pyfunc.load_model(uri)
        said = model.predict(pd.concat([*frames, new]), params={"origins": 2})
        assert said["series"].tolist() == ["P0", "P0", "P4", "P4", "NEW", "NEW"]
        assert said["seen"].tolist() == [True] * 4 + [False] * 2
        for row, one in zip(said.to_dict("records"), expected, strict=False):
            for name in ("forecast_price", "low_price", "high_price"):
                assert row[name] == pytest.approx(one[name], rel=1e-6)
            assert row["target_date"] == one["target_date"]
    with pytest.raises(MlflowException, match="a column series has to name"):
        model.predict(frames[0].drop(columns="series"))
    with pytest.raises(MlflowException, match=r"series 'NEW'.*needs 50 rows"):
        model.predict(pd.concat([frames[0], new[:40]]))


def test_a_refit_of_a_pool_is_what_the_model_serves(pool: Path, rnnsearch: Command) -> None:
    code, _, err = rnnsearch("refit", pool)
    assert code == 0, err
    study = load_study(pool)
    client = MlflowClient(tracking_uri(study))
    now, then = (
        client.get_model_version_by_alias(model_name(study), alias)
        for alias in ("champion", "evaluated")
    )
    assert int(now.version) > int(then.version)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("predict", "--record"), "the journal is of one series"),
        (("journal",), "the journal is of one series"),
        (("status", "--series", "P0"), "one network for all of its series"),
        (("inputs", "--export", "x.csv"), "do not make one table"),
        (("check", "--canary", "true"), "builds the columns of one file"),
    ],
)
def test_what_is_of_one_series_is_refused(
    pool: Path, rnnsearch: Command, command: tuple[str, ...], told: str
) -> None:
    code, _, err = rnnsearch(command[0], pool, *command[1:])
    assert code != 0
    assert told in err


def test_the_other_commands_know_a_pool(pool: Path, rnnsearch: Command) -> None:
    for command in (("check",), ("inputs",), ("sync",), ("list",), ("search", "--dry-run")):
        code, _, err = rnnsearch(
            command[0], *([] if command[0] == "list" else [pool]), *command[1:]
        )
        assert code == 0, (command, err)


def test_a_champion_is_read_as_it_was_written(pool: Path) -> None:
    study = load_study(pool)
    problem, folder = Problem.load(study), champion_folder(study)
    one = PooledForecaster.load(folder)
    one.save(folder.with_name("again"))
    two = PooledForecaster.load(folder.with_name("again"))
    panel = problem.panel
    assert panel is not None
    assert list(one.series) == list(panel.series)
    for name in one.series:
        np.testing.assert_array_equal(one.series[name].errors, two.series[name].errors)
        assert one.series[name].target_scale == two.series[name].target_scale
    other = bytearray((folder / SERIES).read_bytes())
    other[-1] ^= 1
    (folder / SERIES).write_bytes(other)
    with pytest.raises(StorageError, match="is not the file that belongs to the weights"):
        PooledForecaster.load(folder)


def test_the_locked_rows_change_no_weight(pool: Path, rnnsearch: Command) -> None:
    study = load_study(pool)
    before = PooledForecaster.load(champion_folder(study))
    problem = Problem.load(study)
    last = problem.prices.dates[problem.split.refit.train].max()
    for file in (pool.parent / "panel").iterdir():
        frame = pd.read_csv(file, parse_dates=["Date"]).set_index("Date")
        frame.loc[frame.index > last, "Close"] *= 1.5
        frame.to_csv(file)
    other = Problem.load(study)
    from rnnsearch.search.trial.parameters import TrialParameters
    from rnnsearch.verdict.answers import stored_answer
    from rnnsearch.verdict.pooled.fitting import fit_pool

    answer = stored_answer(Store(study, create=False))
    assert answer is not None
    again = fit_pool(
        other,
        other.split.refit,
        TrialParameters.from_plain(answer["champion"]["params"]),
        before.spec.seeds,
        formulation=None,
        spec=before.spec,
        errors={},
        say=lambda _: None,
    )
    assert again is not None
    for one, two in zip(before.lead.networks, again.lead.networks, strict=True):
        for a, b in zip(one.parameters(), two.parameters(), strict=True):
            np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_losses_of_trials_are_means_over_the_series_of_a_date(pool: Path) -> None:
    study = load_study(pool)
    problem, store = Problem.load(study), Store(study, create=False)
    naive, losses = pooled_losses(problem, store)
    dates = problem.prices.dates[problem.split.validation]
    assert len(naive) == len(losses) == dates.nunique()
    assert losses.shape[1] == 3
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("predict", ["level", "direction", "volatility"])
def test_whatever_is_forecast_has_an_answer_and_a_forecast(
    predict: str, tmp_path: Path, home: Path, rnnsearch: Command
) -> None:
    data = {"predict": predict}
    path = write_pooled(tmp_path, count=6, data=data, study={"trials": 1}, inputs={"search": "all"})
    for command in ("search", "evaluate", "refit", "predict", "report"):
        flags = ("--top", "1", "--seeds", "1") if command == "evaluate" else ()
        code, out, err = rnnsearch(command, path, *flags)
        assert code == 0, (command, err)
        if command == "evaluate":
            assert "of 6 series by one network" in out.replace("\n", " ")
            assert ("no order" in out) is (predict == "volatility")


def test_forecasts_of_some_series_are_shown_where_they_are_named(
    pool: Path, rnnsearch: Command, tmp_path: Path
) -> None:
    table = tmp_path / "some.csv"
    code, out, err = rnnsearch("predict", pool, "--series", "P3,p1", "--json", "--export", table)
    assert code == 0, err
    told = json.loads(out)["forecasts"]
    assert {row["series"] for row in told} == {"P1", "P3"}
    assert set(pd.read_csv(table)["series"]) == {"P1", "P3"}
    every = json.loads(rnnsearch("predict", pool, "--json")[1])["forecasts"]
    assert told == [row for row in every if row["series"] in ("P1", "P3")]
    code, out, err = rnnsearch("predict", pool, "--series", "P1,P33")
    assert code == 2
    assert "no forecast of series 'P33'; did you mean P3? there are those of P0, P1," in err


@pytest.mark.parametrize("command", ["search", "status", "evaluate", "refit", "report"])
def test_no_series_of_one_network_is_named_but_for_its_forecast(
    pool: Path, rnnsearch: Command, command: str
) -> None:
    code, _, err = rnnsearch(command, pool, "--series", "P0")
    assert code == 2
    assert "one network for all of its series (pool = true), so none is named; leave it out" in err

"""One network of many series: nothing of a series before a day depends on any later day."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from rnnsearch import Study
from rnnsearch.config import kernels_folder, load_study
from rnnsearch.errors import DataError, StudyFileError
from rnnsearch.language import in_language
from rnnsearch.language.notices import said
from rnnsearch.many.family import family_of
from rnnsearch.model.kernels.cache import kernels_for
from rnnsearch.search.inputs.pooled import uncorrelated
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.folds import TrialData, prepare_fold, select_inputs
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import EpochReport, Outcome, Task
from rnnsearch.search.trial.runner import TrialRunner
from tests.helpers.pooled import write_pooled
from tests.helpers.searches import assert_in_order, end_group, run, start, write_study

pytestmark = pytest.mark.usefixtures("home")
CPU = torch.device("cpu")


def parameters(problem: Problem, **changes: object) -> TrialParameters:
    plain = {
        "cell": "gru", "neurons": [4], "dropout": 0.0, "window": 3, "epochs": 3, "batch_size": 64,
        "learning_rate": 0.01, "optimizer": "adam", "weight_decay": 0.0, "averaging": False,
        "clip": 1.0, "scaler": "standard", "input_shift": 0, "output_shift": 1,
        "inputs": problem.table.names, "seed": 1,
    }  # fmt: skip
    return TrialParameters.from_plain(plain | changes)


def data_of(problem: Problem) -> TrialData:
    return TrialData(
        problem.table, problem.prices.quotes, problem.split, problem.study.data.predict
    )


def outcome(problem: Problem, machine: object = None, **changes: object) -> Outcome:
    runner = TrialRunner(problem.worker_setup("cpu", 1))
    runner.machine = machine  # type: ignore[assignment]
    *_, last = runner.run(Task(0, parameters(problem, **changes).plain()))
    assert isinstance(last, Outcome), last
    return last


def test_every_series_has_a_scaler_and_a_volatility_of_its_own(tmp_path: Path) -> None:
    problem = Problem.load(load_study(write_pooled(tmp_path)))
    data, own = data_of(problem), parameters(problem)
    table = select_inputs(own, data, CPU)
    fold = problem.split.folds[-1]
    prepared = prepare_fold(fold, own, data, CPU)
    scales = [prepared.target_scales[part.series].scale for part in fold.parts]
    assert scales[3] > 3 * scales[0]  # series are the more volatile the larger their number
    begin = 0
    for part in fold.parts:
        rows = np.asarray(problem.table.values[part.history], dtype=np.float64)
        scaled = rows * prepared.tensors.scale[part.series].numpy()
        scaled += prepared.tensors.offset[part.series].numpy()
        np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-5)
        targets = prepared.tensors.train_targets[begin : (begin := begin + len(part.train))]
        assert float(targets.square().mean()) == pytest.approx(1, abs=1e-5)
    assert len(table) == len(problem.prices.dates)


def changed_after(folder: Path, day: str, number: int) -> None:
    """Everything of a series after a day is another."""
    path = folder / "panel" / f"P{number}.csv"
    frame = pd.read_csv(path, parse_dates=["Date"]).set_index("Date")
    rng = np.random.default_rng(99)
    later = frame.index > day
    frame.loc[later, "Close"] = 50 * np.exp(np.cumsum(rng.normal(0, 0.05, later.sum())))
    frame.loc[later, ["signal", "noise"]] = rng.normal(5, 9, (later.sum(), 2))
    frame.to_csv(path)


@pytest.mark.parametrize("embedding", [0, 3])
def test_another_future_of_one_series_changes_no_past_of_any(
    tmp_path: Path, embedding: int
) -> None:
    space = {"embedding": [0, 3], "output_shift": 2}
    path = write_pooled(tmp_path, space=space, inputs={"search": "ranked"})
    before = Problem.load(load_study(path))
    fold = before.split.folds[0]
    dates = before.prices.dates.to_numpy()
    day = dates[fold.train].max()
    changed_after(tmp_path, str(day)[:10], 0)
    after = Problem.load(load_study(path))
    assert after.table.hash != before.table.hash
    np.testing.assert_array_equal(fold.train, after.split.folds[0].train)
    np.testing.assert_array_equal(fold.validation, after.split.folds[0].validation)
    assert before.candidates.names == after.candidates.names
    assert before.candidates.ranking == after.candidates.ranking
    results = []
    for problem in (before, after):
        data = data_of(problem)
        own = parameters(problem, embedding=embedding, output_shift=2)
        prepared = prepare_fold(problem.split.folds[0], own, data, CPU)
        from rnnsearch.model.training import Trainer
        from rnnsearch.search.trial.runner import training_settings

        settings = training_settings(own, {}, "float32", series=data.series)
        table = select_inputs(own, data, CPU)
        *_, last = Trainer(table, [prepared.tensors], settings, loss="mse").run()
        first = dates[problem.split.folds[0].validation] <= day + np.timedelta64(2, "D")
        others = problem.prices.owners(problem.split.folds[0].validation) > 0  # type: ignore[attr-defined]
        results.append((prepared.tensors, last.train_loss, last.forecasts[0][others | first]))
    (one, loss, said), (two, loss_after, said_after) = results
    for name in ("scale", "offset", "train_ends", "train_targets"):
        torch.testing.assert_close(getattr(one, name), getattr(two, name), rtol=0, atol=0)
    assert loss == loss_after
    np.testing.assert_array_equal(said, said_after)


def test_windows_never_reach_into_another_series(tmp_path: Path) -> None:
    problem = Problem.load(load_study(write_pooled(tmp_path, space={"input_shift": [0, 2]})))
    panel, own = problem.panel, parameters(problem, input_shift=2, window=4, output_shift=2)
    assert panel is not None
    for fold in (*problem.split.folds, problem.split.refit):
        tensors = prepare_fold(fold, own, data_of(problem), CPU).tensors
        for ends in (tensors.train_ends.numpy(), tensors.validation_ends.numpy()):
            # The table is not moved: all inputs have one shift, so that windows end earlier.
            np.testing.assert_array_equal(panel.owners(ends), panel.owners(ends - 3))


def test_skill_is_the_mean_over_series_whatever_their_volatility(tmp_path: Path) -> None:
    problem = Problem.load(load_study(write_pooled(tmp_path, split={"folds": 1})))
    from rnnsearch.scoring import metrics
    from rnnsearch.search.trial.judging import judge
    from rnnsearch.search.trial.packing import unpack

    said = outcome(problem)
    (judged,) = judge(problem.split.folds, problem.prices.quotes, problem.target, 1)
    each = [
        metrics.skill(p.scored.actual, p.scored.forecast, p.scored.hardest)
        for p in judged.of(unpack(said.forecasts))
    ]
    assert len(each) == 4
    assert said.skill == pytest.approx(np.mean(each), abs=1e-5)


def test_a_series_that_stands_still_does_not_decide(tmp_path: Path) -> None:
    path = write_pooled(tmp_path)
    file = tmp_path / "panel" / "P3.csv"
    frame = pd.read_csv(file)
    frame.loc[200:, "Close"] = 7.0
    frame.to_csv(file, index=False)
    assert np.isfinite(outcome(Problem.load(load_study(path))).skill)


def test_where_every_series_stands_still_no_trial_has_a_skill(tmp_path: Path) -> None:
    path = write_pooled(tmp_path)
    for file in (tmp_path / "panel").glob("*.csv"):
        frame = pd.read_csv(file)
        frame.loc[frame["Date"] > "2020-07-01", "Close"] = 7.0
        frame.to_csv(file, index=False)
    assert outcome(Problem.load(load_study(path))).skill == -np.inf


def test_a_locked_test_of_series_that_nothing_learnt_is_refused(tmp_path: Path) -> None:
    path = write_pooled(tmp_path, count=3)
    for number in range(3):
        file = tmp_path / "panel" / f"P{number}.csv"
        frame = pd.read_csv(file)
        days = frame["Date"] > "2020-11-20" if number == 0 else frame["Date"] < "2020-12-01"
        frame[days].to_csv(file, index=False)
    with pytest.raises(DataError, match=r"before the locked test .* has rows in it"):
        Problem.load(load_study(path))


def test_kernels_train_a_pooled_trial_as_torch_does(tmp_path: Path) -> None:
    problem = Problem.load(load_study(write_pooled(tmp_path)))
    machine = kernels_for("auto", CPU, kernels_folder(), print)
    if machine is None:
        pytest.skip("this machine has no kernels")
    ours, torchs = outcome(problem, machine), outcome(problem)
    assert ours.skill == pytest.approx(torchs.skill, abs=1e-5)


def test_a_network_that_knows_who_each_is_trains_by_torch(tmp_path: Path) -> None:
    path = write_pooled(tmp_path, space={"embedding": [0, 4]})
    problem = Problem.load(load_study(path))
    runner = TrialRunner(problem.worker_setup("cpu", 1))
    said = list(runner.run(Task(0, parameters(problem, embedding=4).plain(), measure_above=-9.0)))
    assert isinstance(said[0], EpochReport)
    assert said[0].kernels == "torch"
    last = said[-1]
    assert isinstance(last, Outcome)
    assert set(last.permutation) == set(problem.table.names)
    assert "embedding" not in parameters(problem).plain()  # trials of old have the seeds they had


def test_changes_of_a_day_that_go_together_become_uncorrelated() -> None:
    rng = np.random.default_rng(0)
    days = np.repeat(np.arange(500), 10).astype("datetime64[D]")
    own, market = rng.normal(size=(500, 10)), rng.normal(size=(500, 1))
    freed = uncorrelated((0.8 * market + 0.6 * own).ravel(), days).reshape(500, 10)
    correlations = np.corrcoef(freed.T)[np.triu_indices(10, 1)]
    assert abs(correlations.mean()) < 0.02
    alone = own.ravel()
    np.testing.assert_allclose(uncorrelated(alone, days), alone, atol=0.2)


def test_inputs_that_not_all_have_are_left_out_and_told(tmp_path: Path) -> None:
    path = write_pooled(tmp_path)
    file = tmp_path / "panel" / "P1.csv"
    pd.read_csv(file).drop(columns="noise").to_csv(file, index=False)
    problem = Problem.load(load_study(path))
    assert problem.table.names == ("return", "signal")
    assert any("not every series has them: noise" in note for note in problem.notes)


def test_series_that_cannot_be_used_are_named_or_left_out(tmp_path: Path) -> None:
    path = write_pooled(tmp_path)
    (tmp_path / "panel" / "bad.csv").write_text("Date,Close\n2020-01-01,x\n")
    with pytest.raises(DataError, match=r"1 of 5 series cannot be used.*skip_bad(.|\n)*bad: "):
        Problem.load(load_study(path))
    lenient = Problem.load(load_study(path, data__skip_bad=True))
    assert lenient.series == 4
    assert any("left out (skip_bad)" in note for note in lenient.notes)


def test_series_that_begin_too_late_for_any_fold_are_named(tmp_path: Path) -> None:
    path = write_pooled(tmp_path, count=5)
    assert not any("no part" in note for note in Problem.load(load_study(path)).notes)
    for number in (1, 3):
        late = tmp_path / "panel" / f"P{number}.csv"
        pd.read_csv(late)[-80:].to_csv(late, index=False)
    problem = Problem.load(load_study(path))
    assert problem.panel is not None
    (told,) = (note for note in problem.notes if "no part" in note)
    assert told.startswith("P1, P3: no part in this study, for want of 50 rows to train on")
    for rows in (problem.split.refit.train, problem.split.test):
        assert set(problem.panel.owners(rows)) == {0, 2, 4}
    with in_language("zh-TW"):
        assert said(told).startswith("P1, P3：不參與這個研究")


def test_one_series_is_no_pool(tmp_path: Path) -> None:
    path = write_pooled(tmp_path, count=1)
    with pytest.raises(DataError, match="pool = true needs two series or more"):
        Problem.load(load_study(path))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data__pool": False, "space__embedding": 4}, "needs pool = true"),
        ({"study__metric": "sharpe"}, "is of one series"),
        ({"evaluate__refit_every": 21}, "walks through the test of one series"),
        ({"split__test": 0.0}, "write test = 0.2"),
        ({"data__sample": "sp500"}, "needs many series"),
    ],
)
def test_what_does_not_go_with_one_network_is_refused(
    tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    path = write_pooled(tmp_path)
    if "data__sample" in changes:
        path.write_text(path.read_text().replace('path = "panel/*.csv"', 'sample = "sp500"'))
        changes = {}
    with pytest.raises(StudyFileError, match=told):
        load_study(path, **changes)


def test_a_pooled_study_is_one_study(tmp_path: Path) -> None:
    study = load_study(write_pooled(tmp_path))
    assert family_of(study) is None
    assert study.fingerprint()["data"]["pool"] is True
    assert "embedding" not in study.fingerprint()["space"]
    apart = load_study(write_pooled(tmp_path, data={"pool": False}))
    assert "pool" not in apart.fingerprint()["data"]


@pytest.mark.slow
def test_a_killed_search_goes_on_with_every_trial_once(tmp_path: Path) -> None:
    path = write_pooled(
        tmp_path,
        study={"trials": 4},
        space={"epochs": 20, "embedding": [0, 2]},
        run={"engine": "local", "workers": 2},
    )
    chance = random.Random(5)
    for _ in range(2):
        process = start("search", path)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.1, 2.0))
        end_group(process)
        process.communicate()
    code, _, err = run("search", path)
    assert code == 0, err
    assert_in_order(path, 4)


def test_a_trial_says_how_well_it_orders_the_series_of_a_date(tmp_path: Path) -> None:
    path = write_pooled(tmp_path, count=6)
    problem = Problem.load(load_study(path))
    said = outcome(problem)
    from rnnsearch.search.trial.packing import unpack

    rows, dates = problem.split.validation, problem.prices.dates
    closes = problem.prices.close
    frame = pd.DataFrame(
        {
            "date": dates[rows],
            "forecast": unpack(said.forecasts),
            "actual": np.log(closes[rows] / closes[rows - 1]),
        }
    )
    days = [day for _, day in frame.groupby("date") if len(day) >= 5]
    each = [day["forecast"].corr(day["actual"], method="spearman") for day in days]
    assert len(each) > 20
    assert said.metrics["rank_ic"] == pytest.approx(np.mean(each), abs=1e-6)
    assert all("rank_ic" in fold for fold in said.folds)
    few = Problem.load(load_study(write_pooled(tmp_path / "few", count=4)))
    assert "rank_ic" not in outcome(few).metrics


def test_a_pool_is_searched_by_the_order_of_its_series(
    tmp_path: Path, rnnsearch: Callable[..., tuple[int, str, str]]
) -> None:
    study = {"trials": 2, "metric": "rank_ic"}
    space = {"epochs": 2, "output_shift": 1}
    path = write_pooled(tmp_path, count=6, study=study, space=space, run={"engine": "inline"})
    code, out, err = rnnsearch("search", path)
    assert code == 0, err
    trials = Study(path).trials()
    assert trials["rank_ic"].notna().all()
    code, out, err = rnnsearch("status", path)
    assert out.count("rank IC") == 1
    before = Problem.load(load_study(path))
    said = outcome(before)
    assert said.gain <= said.metrics["rank_ic"]
    few = write_pooled(tmp_path / "few", "few", count=4, study=study)
    code, out, err = rnnsearch("search", few)
    assert code == StudyFileError.exit_code
    assert 'write metric = "skill"' in err
    few.write_text(few.read_text().replace('"rank_ic"', '"skill"'))
    code, out, err = rnnsearch("search", few, "--dry-run")
    assert code == 0, err


def test_an_order_by_which_studies_of_before_searched_is_another(tmp_path: Path) -> None:
    pooled = load_study(write_pooled(tmp_path, study={"metric": "rank_ic"}))
    alone = load_study(write_study(tmp_path, "alone", study={"metric": "rank_ic"}))
    assert pooled.valued_by["study"] == {"metric": "rank_ic", "over": "series of a date"}
    assert alone.valued_by["study"] == {"metric": "rank_ic"}

"""What simpler methods say beside one network of many series, and what its intervals hold."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnsearch.config import load_study
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import StudyFileError
from rnnsearch.model.forecasting.pooled import PooledForecaster
from rnnsearch.scoring.baselines import Fitted
from rnnsearch.search.problem import Problem
from rnnsearch.verdict.pooled.fitting import fit_pool, pooled_spec
from rnnsearch.verdict.pooled.rows import locked_rows
from rnnsearch.verdict.pooled.simple import simple_forecasts, try_own_baselines
from tests.helpers.pooled import write_pooled
from tests.search.test_pooled import changed_after, parameters

pytestmark = pytest.mark.usefixtures("home")

OWN = '''
import numpy as np

def LAST(task):
    """the last move again"""
    rows = task.test_rows - task.horizon
    return np.log(task.prices[rows] / task.prices[rows - task.horizon])

def FAILS(task):
    """never"""
    raise ValueError("it cannot")
'''


def silent(_: str) -> None:
    pass


@pytest.mark.parametrize("predict", ["log_return", "level", "direction"])
def test_baselines_learn_from_all_series_in_each_ones_own_size(
    predict: str, tmp_path: Path
) -> None:
    problem = Problem.load(load_study(write_pooled(tmp_path, data={"predict": predict})))
    found = simple_forecasts(problem, parameters(problem), None, silent)
    learner = "logistic" if predict == "direction" else "ridge"
    for name in (learner, "trees"):
        one = found.found[name]
        assert isinstance(one, Fitted), one
        assert one.rows == len(problem.split.refit.train)
    assert not {"arima", "ets"} & {*found.found}
    if predict == "log_return":
        assert isinstance(found.found["drift"], Fitted)  # of each series alone
        # Series are the more volatile the larger their number, and so are their forecasts.
        sizes = [float(np.std(said)) for said in found.forecasts["ridge"]]
        assert sizes[3] > 2 * sizes[0]


def test_another_future_of_one_series_changes_no_baselines_past(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    path = write_pooled(
        tmp_path, space={"output_shift": 2}, evaluate={"baselines": ["own.py:LAST"]}
    )
    before = Problem.load(load_study(path))
    rows, h = before.split.test, 2
    dates = before.prices.dates.to_numpy()
    day = np.unique(dates[rows])[20]
    changed_after(tmp_path, str(day)[:10], 0)
    after = Problem.load(load_study(path))
    np.testing.assert_array_equal(rows, after.split.test)
    one, two = (
        simple_forecasts(problem, parameters(problem, output_shift=2), None, silent)
        for problem in (before, after)
    )
    panel = before.panel
    assert panel is not None
    known = (dates[rows - h] <= day) | (panel.owners(rows) > 0)
    assert 0 < known.sum() < len(rows)
    assert {"ridge", "trees", "drift", "theta", "LAST"} == {*one.forecasts} == {*two.forecasts}
    for name in one.forecasts:
        said, again = (np.concatenate(each.forecasts[name]) for each in (one, two))
        np.testing.assert_array_equal(said[known], again[known], err_msg=name)
        if name != "drift":  # it never looks at the test
            assert not np.array_equal(said, again), name


def test_an_own_baseline_that_fails_costs_no_opening_and_is_told_with_its_series(
    tmp_path: Path,
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    path = write_pooled(tmp_path, evaluate={"baselines": ["own.py:FAILS"]})
    problem = Problem.load(load_study(path))
    with pytest.raises(StudyFileError, match=r"FAILS: P0: .*it cannot"):
        try_own_baselines(problem, parameters(problem), None)


def test_intervals_of_the_locked_rows_are_those_that_predict_tells(tmp_path: Path) -> None:
    problem = Problem.load(load_study(write_pooled(tmp_path, space={"output_shift": [1, 2]})))
    own = parameters(problem, output_shift=2, epochs=1)
    rng, counts = np.random.default_rng(3), (60, 60, 60, 3)  # of the last too few: as of the others
    champion = fit_pool(
        problem, problem.split.refit, own, [1], formulation=None,
        spec=replace(pooled_spec(problem, own, 0), identity="x"),
        errors={
            n: (rng.normal(0, 0.02 * (1 + n), many), np.full(many, 0.01 * (1 + n)))
            for n, many in enumerate(counts)
        },
        say=silent,
    )  # fmt: skip
    assert champion is not None
    section = problem.study.data.model_copy(update={"pool": False})
    files = {file.stem: file for file in (tmp_path / "panel").iterdir()}
    champion.save(tmp_path / "champion")
    champion = PooledForecaster.load(tmp_path / "champion")
    for one in locked_rows(problem, champion, 2).series:
        assert one.bands is not None
        prices = read_prices(section.model_copy(update={"path": files[one.name]}))
        table = champion.lead.table(prices)
        last = len(prices.dates) - 2  # origins whose targets are in the file
        frame = champion.of(one.name).forecast(prices, origins=len(one.rows) + 2, table=table)
        told = frame[frame["origin_date"] <= prices.dates[last - 1]]
        origin = one.scored.origin
        np.testing.assert_allclose(told["low_price"], origin * np.exp(one.bands.low), rtol=1e-5)
        np.testing.assert_allclose(told["high_price"], origin * np.exp(one.bands.high), rtol=1e-5)
        inside = (told["low_price"].to_numpy() <= prices.close[-len(told) :]) & (
            prices.close[-len(told) :] <= told["high_price"].to_numpy()
        )
        assert one.bands.held(0.9) == pytest.approx(inside.mean())

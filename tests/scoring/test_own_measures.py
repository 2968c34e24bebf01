"""Metrics and baselines of a study's own, from a file beside it: trials, verdict, page, MLflow."""

import json
import multiprocessing
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from rnnsearch import Study, targets
from rnnsearch.config import load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.own_code import OwnCode
from rnnsearch.report.page import report
from rnnsearch.scoring import baselines, metrics
from rnnsearch.scoring.baselines.theirs import AHEAD
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.metrics import running
from rnnsearch.search import searching as study_module
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.protocol import Done
from rnnsearch.search.trial.worker import serve
from rnnsearch.terminal.evaluated import evaluation_tables
from rnnsearch.verdict.evaluation import evaluate
from tests.helpers.evaluated import command, quiet, search_inline
from tests.helpers.searches import Notes, runs_of, task, write_study
from tests.model.test_cells import said_until_end
from tests.scoring.baselines.test_baseline_registry import a_task

pytestmark = pytest.mark.slow  # whole searches or commands

METRICS = '''
import numpy as np
from rnnsearch.scoring.metrics import TARGET, Metric
from helpers import largest

def worst(scored):
    """The largest error of all sessions."""
    print("noise")
    return largest(scored.actual - scored.forecast)

BIAS = Metric(key="bias", label="mean error", unit=TARGET, format="+.6f",
              function=lambda scored: np.mean(scored.forecast - scored.actual))
'''

BASELINES = '''
import numpy as np
from rnnsearch.scoring.baselines import Baseline, Fitted

def half(task):
    """Half of the last move goes on."""
    last = task.prices[task.test_rows - task.horizon]
    return 0.5 * np.log(last / task.prices[task.test_rows - 2 * task.horizon])

def mean(task):
    value = float(task.train_targets.mean())
    return Fitted(np.full(len(task.test_rows), value), "the mean", len(task.train_targets))

MEAN = Baseline(name="mean", meaning="the mean of the training rows", forecast=mean,
                applies=lambda task: True, rival="a mean")
'''


def study_with_own(folder: Path, **evaluated: Any) -> Path:
    (folder / "my_metrics.py").write_text(METRICS)
    (folder / "helpers.py").write_text("def largest(x):\n    return abs(x).max()\n")
    (folder / "my_baselines.py").write_text(BASELINES)
    named = {
        "metrics": ["my_metrics.py:worst", "my_metrics.py:BIAS"],
        "baselines": ["my_baselines.py:MEAN", "my_baselines.py:half"],
    }
    return write_study(folder, evaluate=named | evaluated)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import mlflow.pyfunc  # noqa: F401 - here, and not in two threads at a time

    (tmp_path / "runs").mkdir()
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "runs"))
    return tmp_path


def test_own_metrics_and_baselines_are_told_wherever_ours_are(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = study_with_own(home)
    search_inline(path)
    assert (Study(path).trials()["worst"] > 0).all()
    children = runs_of(path)[1]
    assert all(run.data.metrics["worst"] > 0 for run in children)
    assert all("bias" in run.data.metrics for run in children)

    capfd.readouterr()
    assert command(monkeypatch, "evaluate", path, "--json", "--top", 1, "--seeds", 1) == 0
    answer = json.loads(capfd.readouterr().out)  # what the metric printed is not in it
    champion = answer["table"][0]
    actual, forecast = (
        np.array(values) for values in (answer["actual"], answer["forecasts"]["champion"])
    )
    assert champion["worst"] == pytest.approx(np.abs(actual - forecast).max(), rel=1e-5)
    assert champion["bias"] == pytest.approx((forecast - actual).mean(), rel=1e-4)
    assert {"mean", "half"} <= answer["forecasts"].keys()
    assert answer["baselines"]["mean"] == "the mean"
    assert answer["own_metrics"]["worst"]["meaning"] == "The largest error of all sessions"
    assert answer["own_baselines"]["half"]["meaning"] == "Half of the last move goes on"
    assert "p_better" in answer["significance"]["diebold_mariano_mean"]
    assert "diebold_mariano_half" not in answer["significance"]
    assert runs_of(path)[0][0].data.metrics["test_worst"] == champion["worst"]

    for name in ("my_metrics.py", "my_baselines.py"):  # what was found is told without them
        (home / name).write_text("")
    screen = Console(width=100, file=StringIO())
    for part in evaluation_tables(answer):
        screen.print(part)
    assert "mean error" in screen.file.getvalue()  # type: ignore[attr-defined]
    assert "better than a mean (Diebold" in screen.file.getvalue()  # type: ignore[attr-defined]
    page = report(load_study(path)).read_text(encoding="utf-8")
    for text in ("mean error", "The largest error", "Half of the last move", "Better than a mean?"):
        assert text in page


def test_an_answer_stands_when_what_evaluate_names_has_changed_and_says_so(home: Path) -> None:
    path = write_study(home)
    search_inline(path)
    evaluate(load_study(path), top=1, seeds=1, say=quiet)
    path = study_with_own(home, baselines=[])
    said: list[str] = []
    answer = evaluate(load_study(path), top=1, seeds=1, say=said.append)
    assert "worst" not in answer["table"][0]
    assert len(said) == 1
    assert (
        "stands, with what [evaluate] named then, and as its code was then; `rnnsearch" in said[0]
    )
    again = evaluate(load_study(path), top=1, seeds=1, again=True, say=quiet)
    assert again["table"][0]["worst"] > 0
    said.clear()
    assert evaluate(load_study(path), top=1, seeds=1, say=said.append)["opening"] == 2
    assert said == []


def test_own_measures_change_no_trial_and_no_study(home: Path) -> None:
    plain = Problem.load(load_study(write_study(home)))
    own = Problem.load(load_study(study_with_own(home)))
    assert plain.study.fingerprint() == own.study.fingerprint()
    assert plain.data_record() == own.data_record()
    assert plain.table.hash == own.table.hash


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"metrics": ["my_metrics.py:wurst"]}, "my_metrics.py has no 'wurst'; did you mean worst"),
        ({"metrics": ["my_metric.py:worst"]}, "no file 'my_metric.py'; did you mean my_metrics.py"),
        ({"metrics": ["prise_mae"]}, "'price_mae', .* got 'prise_mae'; did you mean 'price_mae'"),
        ({"metrics": ["my_metrics.py"]}, "got 'my_metrics.py'; did you mean 'my_metrics.py:worst'"),
        ({"metrics": ["my_metrics.py:np"]}, "should be a function of a Scored, or a Metric"),
        ({"baselines": ["rigde"]}, "'ridge', .* got 'rigde'; did you mean 'ridge'"),
        ({"baselines": ["my_baselines.py:np"]}, "should be a function of a Task, or a Baseline"),
    ],
)
def test_a_measure_that_is_not_there_is_refused_before_a_search(
    home: Path, named: dict[str, Any], message: str
) -> None:
    path = study_with_own(home, **named)
    with pytest.raises(StudyFileError, match=message):
        Problem.load(load_study(path), tried=True)


def test_ours_may_be_named_and_are_told_once(home: Path) -> None:
    path = study_with_own(home, metrics=["rmse", "my_metrics.py:worst"], baselines=["ridge"])
    problem = Problem.load(load_study(path), tried=True)
    assert [one.key for one in problem.own_metrics] == ["worst"]
    assert problem.baselines == baselines.registry()


def test_a_metric_that_fails_is_told_with_its_line_before_a_search_and_before_the_test_opens(
    home: Path,
) -> None:
    path = study_with_own(home, baselines=[])
    search_inline(path)
    (home / "helpers.py").write_text("def largest(x):\n    return x.no_such_thing\n")
    expected = r"\[evaluate\] metrics: helpers.py, line 2, in largest: AttributeError: .*; mend it"
    with pytest.raises(StudyFileError, match=expected):
        Problem.load(load_study(path), tried=True)
    with pytest.raises(StudyFileError, match=expected):
        evaluate(load_study(path), top=1, seeds=1, say=quiet)
    (home / "helpers.py").write_text("def largest(x):\n    return abs(x).max()\n")
    assert evaluate(load_study(path), top=1, seeds=1, say=quiet)["opening"] == 1


def test_a_baseline_that_fails_is_told_before_the_test_opens(home: Path) -> None:
    path = study_with_own(home, metrics=[])
    search_inline(path)
    right = (home / "my_baselines.py").read_text()
    (home / "my_baselines.py").write_text(right.replace("0.5 * np.log", "0.5 * np.lug"))
    expected = r"\[evaluate\] baselines: half: my_baselines.py, line 8, in half: AttributeError"
    with pytest.raises(StudyFileError, match=expected):
        evaluate(load_study(path), top=1, seeds=1, say=quiet)
    (home / "my_baselines.py").write_text(right)
    assert evaluate(load_study(path), top=1, seeds=1, say=quiet)["opening"] == 1


def test_a_worker_that_begins_anew_has_own_metrics_without_their_file(home: Path) -> None:
    problem = Problem.load(load_study(study_with_own(home)))
    setup = problem.worker_setup("cpu", 1)
    for file in home.glob("*.py"):
        file.unlink()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(setup, theirs))
    process.start()
    try:
        ours.send(task(1))
        told = said_until_end(iter(ours.recv, None))
    finally:
        process.kill()
        process.join()
    assert isinstance(told[-1], Done), told[-1]
    assert {"worst", "bias"} <= told[-1].outcome.metrics.keys()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution that brings a metric and a baseline."""
    about = tmp_path / "site" / "their_measures-1.0.dist-info"
    about.mkdir(parents=True)
    (tmp_path / "site" / "their_measures.py").write_text(
        METRICS.replace("from helpers import largest", "largest = lambda x: abs(x).max()")
        + BASELINES
    )
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their-measures\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[rnnsearch.metrics]\nbias = their_measures:BIAS\n"
        "[rnnsearch.baselines]\nmean = their_measures:MEAN\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    for cached in (running.brought, baselines.registry):
        cached.cache_clear()
    yield
    monkeypatch.undo()
    for cached in (running.brought, baselines.registry):
        cached.cache_clear()


def test_an_installed_package_s_metric_and_baseline_need_no_line_in_the_study(
    home: Path, installed: None
) -> None:
    path = write_study(home)
    search_inline(path)
    assert Study(path).trials()["bias"].notna().all()
    answer = evaluate(load_study(path), top=1, seeds=1, say=quiet)
    assert answer["own_metrics"]["bias"]["label"] == "mean error"
    assert answer["baselines"]["mean"] == "the mean"
    assert all("bias" in row for row in answer["table"])
    assert "p_better" in answer["significance"]["diebold_mariano_mean"]


# --- what a file has


def own_baselines(text: str, *names: str) -> list[baselines.Baseline]:
    code = OwnCode("mine.py", {"mine.py": f"import numpy as np\n{text}"})
    found = baselines.of_study([f"mine.py:{name}" for name in names], {"mine.py": code})
    return [one for one in found if one not in baselines.registry()]


def reason(text: str) -> str:
    result = baselines.run(a_task(), quiet, own_baselines(text, "it"))["it"]
    assert isinstance(result, Skipped)
    return result.reason


def test_a_baseline_that_looks_ahead_is_found_out() -> None:
    peek = "def it(task):\n    return np.log(task.prices[task.test_rows]) - np.log(task.prices["
    assert reason(f"{peek}task.test_rows - task.horizon])") == AHEAD
    assert reason("def it(task):\n    return task.test_rows * 0 + task.inputs.mean()") == AHEAD
    assert reason("def it(task):\n    return np.random.normal(size=len(task.test_rows))") == AHEAD
    seeded = "def it(task):\n    return np.random.default_rng(0).normal(size=len(task.test_rows))"
    found = baselines.run(a_task(), quiet, own_baselines(seeded, "it"))
    assert not isinstance(found["it"], Skipped)


def test_a_baseline_of_a_file_that_is_no_forecast_says_why() -> None:
    assert reason("def it(task):\n    return 'up'") == (
        "its forecast should be an array of numbers, got a str"
    )
    assert reason("def it(task):\n    return np.zeros(3)") == "it forecast 3 numbers for 70 rows"
    assert reason("def it(task):\n    task.prices[:] = 0") == (
        "mine.py, line 3, in it: ValueError: assignment destination is read-only"
    )


@pytest.mark.parametrize("name", ["champion", "no_change", "ridge", "two words", "x" * 41])
def test_a_baseline_cannot_be_called_as_another_forecast(name: str) -> None:
    text = (
        "from rnnsearch.scoring.baselines import Baseline\n"
        f"IT = Baseline(name={name!r}, meaning='', applies=bool, forecast=len)"
    )
    with pytest.raises(StudyFileError, match=r"already; give this one another|at most 40"):
        own_baselines(text, "IT")


@pytest.mark.parametrize("name", ["rmse", "no_change_rmse", "always_up_accuracy", "forecast"])
def test_a_metric_cannot_be_called_as_another(name: str) -> None:
    text = f"def {name}(scored):\n    return 0.0"
    code = {"mine.py": OwnCode("mine.py", {"mine.py": text})}
    with pytest.raises(StudyFileError, match=f"a metric '{name}' already; give this one another"):
        metrics.of_study([f"mine.py:{name}"], code)


@pytest.mark.parametrize("kind", targets.ours())
def test_a_metric_is_tried_on_rows_of_the_study_s_kind(kind: str) -> None:
    text = "def price(scored):\n    return float(scored.prices.actual.mean())"
    code = {"mine.py": OwnCode("mine.py", {"mine.py": text})}
    *_, mine = metrics.of_study(["mine.py:price"], code)
    target = targets.get(kind)
    if target.priced:
        metrics.try_own([mine], target)
    else:
        why = "a direction forecast is a probability|does not say where the price goes"
        with pytest.raises(StudyFileError, match=why):
            metrics.try_own([mine], target)


def test_a_metric_that_workers_cannot_load_is_told_and_the_others_are_measured(home: Path) -> None:
    """As where only the driver's machine has a package."""
    path = study_with_own(home, metrics=["my_metrics.py:worst", "elsewhere.py:gone"], baselines=[])
    (home / "elsewhere.py").write_text(
        "import multiprocessing\n"
        "if multiprocessing.parent_process() is not None:\n"
        "    import only_the_driver_has_it\n"
        "def gone(scored):\n"
        "    return 0.0\n"
    )
    view = Notes()
    study_module.search(load_study(path, run__engine="local", run__workers=1), view, trials="2")
    (told,) = [text for text in view.notices if "cannot be measured" in text]
    assert "'elsewhere.py:gone' (elsewhere.py, line 3: ModuleNotFoundError" in told
    assert "Install there what the file imports, or leave them out" in told
    trials = Study(path).trials()
    assert (trials["worst"] > 0).all()
    assert "gone" not in trials

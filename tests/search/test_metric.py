"""[study] metric through search, resume, status, evaluate and report."""

import json
from html import escape
from pathlib import Path
from typing import Any

import optuna
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.report.facts import collect
from rnnsearch.report.page import render
from rnnsearch.report.status import status
from rnnsearch.search.problem import Problem
from rnnsearch.search.searching import search
from rnnsearch.search.store.store import Store
from rnnsearch.verdict.champion import validation_value
from rnnsearch.verdict.evaluation import evaluate
from tests.helpers.evaluated import BARS, quiet, search_inline, write_bars
from tests.helpers.searches import Notes, write_study

pytestmark = pytest.mark.slow  # whole searches or commands

OWN = '''
def sureness(s):
    """How much of the move is forecast."""
    return -abs(s.forecast - s.actual).max()
'''


def study_of(folder: Path, metric: Any, **changes: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "my_metrics.py").write_text(OWN, encoding="utf-8")
    study = {"metric": metric, "trials": 2} | changes.pop("study", {})
    return write_study(folder, study=study, **changes)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("metric", "data"),
    [
        ("mae_skill", {}),
        ("hit_rate", {}),
        ("rank_ic", {}),
        ("sharpe", {}),
        ("log_loss_skill", {"predict": "direction"}),
        ("my_metrics.py:sureness", {}),
    ],
)
def test_each_metric_is_searched_by_resumed_named_evaluated_and_reported(
    tmp_path: Path, metric: str, data: dict[str, Any]
) -> None:
    path = study_of(tmp_path, metric, data=data)
    search_inline(path)
    search_inline(path, "+1")
    study = load_study(path)
    store, problem = Store(study, create=False), Problem.load(study)
    assert store.finished() == 3
    facts = json.loads(json.dumps(status(study, store), allow_nan=False))
    key = metric.rpartition(":")[2]
    assert facts["metric"] == key
    for trial in store.trials():
        if not trial.is_complete:
            continue
        skill, gain = validation_value(problem, trial.parameters, trial.forecasts)
        assert trial.gain == pytest.approx(gain, rel=1e-4, abs=1e-7)
        assert trial.skill == pytest.approx(skill, rel=1e-4, abs=1e-7)
        assert key in trial.metrics
        assert trial.gain != pytest.approx(trial.skill, rel=1e-3)
    answer = evaluate(study, top=1, seeds=1, say=quiet)
    best = max(trial.gain for trial in store.trials() if trial.gain is not None)
    assert answer["champion"]["gain"] == pytest.approx(best, rel=1e-5)
    told = store.objective
    page = render(collect(study))
    assert f"The search maximises the gain in {escape(told['label'])}" in page


@pytest.mark.usefixtures("home")
def test_trials_of_another_metric_are_not_compared(tmp_path: Path) -> None:
    search_inline(study_of(tmp_path, "skill"))
    path = study_of(tmp_path, "hit_rate")
    with pytest.raises(StudyFileError, match=r"the study file has changed: study.* --fork NAME"):
        search_inline(path)
    # The advice is taken: each configuration is trained again.
    text = path.read_text(encoding="utf-8").replace('name = "small"', 'name = "other"')
    path = path.with_name("other.toml")
    path.write_text(text, encoding="utf-8")
    notes = Notes()
    store = search(load_study(path, run__engine="inline"), notes, fork_of="small")
    assert any("0 finished trials still hold" in note for note in notes.notices)
    assert store.objective["key"] == "hit_rate"


@pytest.mark.usefixtures("home")
def test_by_the_sharpe_ratio_trade_is_part_of_the_study(tmp_path: Path) -> None:
    search_inline(study_of(tmp_path, "sharpe"))
    with pytest.raises(StudyFileError, match=r"trade\.cost was 5\.0 and is 1\.0"):
        search_inline(study_of(tmp_path, "sharpe", trade={"cost": 1.0}))
    search_inline(study_of(tmp_path, "sharpe"), "+1")


@pytest.mark.usefixtures("home")
def test_a_function_that_was_changed_is_another_metric(tmp_path: Path) -> None:
    path = study_of(tmp_path, "my_metrics.py:sureness")
    search_inline(path)
    (tmp_path / "my_metrics.py").write_text(OWN.replace("max", "mean"), encoding="utf-8")
    with pytest.raises(StudyFileError, match=r"the code of my_metrics\.py is another"):
        search_inline(path)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("metric", "changes", "message"),
    [
        ("sharp", {}, r"\[study\] metric: did you mean sharpe\?"),
        ("profit", {}, "a search can maximise skill, .* got 'profit'"),
        ("my_metrics.py:nothing", {}, r"\[study\] metric: .*nothing"),
        ("log_loss_skill", {}, r"does not go with predict = 'log_return'"),
        (
            ["gain", "turnover"],
            {},
            r"\[study\] metric: a search maximises one measure, got \['gain'",
        ),
        ([], {}, "none is the best that the locked rows could be opened for"),
        ("sharpe", {"trade": {"position": "none"}}, r"needs trades, but \[trade\] position is"),
        ("sharpe", {"trade": {"entry": "open"}}, "needs the column Open"),
    ],
)
def test_what_cannot_be_maximised_is_refused_with_a_way_out(
    tmp_path: Path, metric: Any, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyFileError, match=message):
        search_inline(study_of(tmp_path, metric, **changes))


@pytest.mark.usefixtures("home")
def test_a_price_that_is_not_the_close_has_no_sharpe_ratio(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.csv")
    path = write_study(tmp_path, data=BARS["data"] | {"target": "Open"}, study={"metric": "sharpe"})
    with pytest.raises(StudyFileError, match="Open is not the price at which"):
        search_inline(path)


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_champion_overfitting_and_page_go_by_the_metric(tmp_path: Path, rnnsearch: Any) -> None:
    path = study_of(tmp_path, "sharpe", study={"trials": 14}, split={"validation": 0.15})
    search_inline(path)
    study = load_study(path)
    answer = evaluate(study, top=3, seeds=2, say=quiet)
    gains = [one["gain"] for one in answer["candidates"]]
    assert gains == sorted(gains, reverse=True)
    store = Store(study, create=False)
    best = max((t for t in store.trials() if t.gain is not None), key=lambda t: t.gain or 0.0)
    assert best.number in answer["basis"]["trials"]
    overfitting = answer["significance"]["overfitting"]
    assert overfitting.get("measure") == "gain", overfitting
    assert answer["table"][0]["skill"] is not None, "the verdict on accuracy stays"
    page = render(collect(study))
    assert "The search maximises the gain in Sharpe ratio" in page
    assert "Mean gain on the half that chose" in page
    code, out, _ = rnnsearch("status", path)
    assert code == 0
    assert "trials finished, by Sharpe ratio" in out


@pytest.mark.usefixtures("home")
def test_what_a_refused_list_is_told_to_do_is_taken(tmp_path: Path) -> None:
    with pytest.raises(StudyFileError) as error:
        load_study(study_of(tmp_path, ["skill", "turnover"]))
    for advice in ("sharpe", "my_metrics.py:sureness"):
        name = advice.partition(".")[0]
        assert name in str(error.value)
        search_inline(study_of(tmp_path / name, advice, study={"name": name}))


def test_optuna_neither_reports_nor_prunes_trials_of_two_objectives() -> None:
    """The reason of the refusal; where this fails, it can be thought about again."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    trial = study.ask()
    with pytest.raises(NotImplementedError, match="multi-objective"):
        trial.report(0.5, 1)
    with pytest.raises(NotImplementedError, match="multi-objective"):
        trial.should_prune()
    assert study.tell(trial, state=optuna.trial.TrialState.PRUNED).values is None

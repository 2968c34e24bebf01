"""What came true, by hand and by the journal; what MLflow, files and the command say of it."""

import json
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from rnnsearch.config import DataSection, load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.publish.journal import publish_journal
from rnnsearch.report.page import report
from rnnsearch.scoring.inference.drift import sequential
from rnnsearch.search.store.entries import Outcome
from rnnsearch.search.store.journal import entries
from rnnsearch.search.store.store import Store
from rnnsearch.verdict.evaluation import evaluate
from rnnsearch.verdict.journal.exporting import export
from rnnsearch.verdict.journal.judging import judge, judged
from rnnsearch.verdict.journal.outcomes import came_true
from rnnsearch.verdict.journal.reading import journal
from rnnsearch.verdict.journal.recording import TRAINED_SINCE
from rnnsearch.verdict.renewal import renew
from tests.helpers.evaluated import Evaluated, quiet, search_inline
from tests.helpers.markets import series
from tests.helpers.recorded import Days, made, with_calendar
from tests.helpers.searches import write_study
from tests.verdict.journal.conftest import FIRST, LAST

UTC_DATES = DataSection(path=Path("x.csv"), time_zone="UTC")


def test_what_came_true_is_what_is_counted_by_hand(week: Days) -> None:
    study = week.study.study
    told = journal(study)
    (one,) = told["champions"]
    known = [e for e in entries(Store(study, create=False)) if e.outcome is not None]
    ahead = known[0].ahead
    assert one["counted"] == one["recorded"] == LAST - FIRST + ahead
    assert one["pending"] == one["late"] == one["repeated"] == 0
    close = week.frame["Close"].to_numpy()
    origins = np.arange(FIRST - ahead + 1, LAST + 1)
    actual = np.log(close[origins + ahead] / close[origins])
    forecast = np.array([entry.said.forecast for entry in known])
    average = known[0].said.naive["average"][0]
    for name, naive in (("no_change", 0.0), ("average", average)):
        skill = 1 - np.sqrt(np.mean((actual - forecast) ** 2) / np.mean((actual - naive) ** 2))
        assert one["skills"][name] == pytest.approx(skill)
    assert one["table"][0]["skill"] == pytest.approx(min(one["skills"].values()))
    assert one["table"][0]["directional_accuracy"] == pytest.approx(
        np.mean((forecast > 0) == (actual > 0))
    )
    held = [e.said.low <= y <= e.said.high for e, y in zip(known, actual, strict=True)]
    assert one["interval"] == {"promised": 0.9, "share": np.mean(held), "rows": len(held)}
    usual = np.array([entry.said.usual for entry in known]) * np.sqrt(ahead)
    naive = [np.zeros(len(actual)), np.full(len(actual), average)]
    test = sequential(actual, forecast, naive, usual, ahead)
    assert one["drift"]["p"] == pytest.approx(test.worse[-1])
    assert one["course"]["skill"][-1] == pytest.approx(one["table"][0]["skill"])
    assert one["course"]["held"][-1] == one["interval"]["share"]
    assert [row["actual"] for row in told["forecasts"]] == pytest.approx(actual)
    json.dumps(told, allow_nan=False)


def test_the_journal_read_twice_says_the_same(week: Days) -> None:
    first, second = (journal(week.study.study) for _ in range(2))
    assert first["new"] > 0
    assert second == first | {"new": 0}


def test_the_first_forecast_of_a_day_counts_and_no_better_one_made_later(week: Days) -> None:
    before = journal(week.study.study)
    week.end(LAST)
    renew(week.study.study, say=quiet)
    week.record(LAST)  # the same evening, with other weights
    week.end(299)
    after = journal(week.study.study)
    assert after["champions"][0]["repeated"] > 0
    assert after["champions"][0]["table"] == before["champions"][0]["table"]


def test_a_newer_file_settles_what_the_study_s_own_does_not_know(
    week: Days, tmp_path: Path
) -> None:
    study = week.study.study
    week.frame[["Date", "Close"]].to_csv(tmp_path / "newer.csv", index=False)
    week.end(LAST)
    pending = journal(study)["champions"][0]["pending"]
    assert pending > 0
    told = journal(study, data=tmp_path / "newer.csv")  # which lacks every input
    assert (told["new"], told["champions"][0]["pending"]) == (pending, 0)
    assert journal(study)["champions"][0]["pending"] == 0  # an outcome that is known stays known


def test_prices_that_were_told_otherwise_are_named_and_a_later_dividend_is_not(
    week: Days,
) -> None:
    study = week.study.study
    before = journal(study)["champions"][0]["table"]
    week.frame["Close"] *= 0.97  # as a dividend adjusts all prices before it
    week.end(299)
    told = journal(study)
    assert told["notes"] == []
    assert told["champions"][0]["table"][0]["skill"] == pytest.approx(before[0]["skill"])
    week.frame.loc[292, "Close"] *= 1.5
    week.end(299)
    told = journal(study)
    assert f"first on {week.frame['Date'][292]}" in told["notes"][0]
    week.frame = week.frame.drop(index=293).reset_index(drop=True)
    week.end(298)
    assert not any("lacks" in note for note in journal(study)["notes"])  # it is known already


def test_the_same_is_in_mlflow_by_session(week: Days, rnnsearch: Callable[..., Result]) -> None:
    study, said = week.study.study, list[str]()
    told = journal(study)
    assert rnnsearch("sync", week.study.path)[0] == 0
    assert publish_journal(study, told, notice=said.append)  # it is there already
    assert not said
    client = mlflow.MlflowClient(f"sqlite:///{week.study.home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(study.name)
    (run,) = client.search_runs([experiment.experiment_id], "tags.`rnnsearch.trial` = 'parent'")
    course = told["champions"][0]["course"]
    for name in ("skill", "directional_accuracy", "held", "p"):
        history = client.get_metric_history(run.info.run_id, f"live/{name}")
        assert [one.step for one in history] == list(range(1, len(course[name]) + 1))
        assert [one.value for one in history] == pytest.approx(course[name])
        dates = pd.to_datetime([one.timestamp for one in history], unit="ms")
        assert [f"{date:%Y-%m-%d}" for date in dates] == course["date"]
    assert "recorded of trial" in run.data.tags["journal"]


def test_the_page_tells_it_as_it_was_noted(week: Days) -> None:
    study = week.study.study
    before = report(study).read_text(encoding="utf-8")
    assert "once it is known" in before
    journal(study)
    week.frame["Close"] *= 2  # the page looks into no prices
    week.end(250)
    page = report(study).read_text(encoding="utf-8")
    assert "What came true of the recorded forecasts" in page
    assert 'id="plot-journal"' in page
    assert "once it is known" not in page
    assert "There is no sign that it does worse" in page


def test_a_page_without_recorded_forecasts_has_no_such_section(evaluated: Evaluated) -> None:
    page = report(evaluated.study).read_text(encoding="utf-8")
    assert "recorded forecasts" not in page


def test_the_journal_is_exported_as_it_is(week: Days, rnnsearch: Callable[..., Result]) -> None:
    folder = week.study.path.parent
    for name, read in (("out.csv", pd.read_csv), ("out.parquet", pd.read_parquet)):
        code, out, err = rnnsearch("journal", week.study.path, "--export", folder / name)
        assert code == 0, err
        assert f"{name}: " in out
        frame = read(folder / name)
        told = journal(week.study.study)["forecasts"]
        assert list(frame.columns) == list(told[0])
        assert frame["forecast"].tolist() == pytest.approx([row["forecast"] for row in told])
        assert frame["held"].tolist() == [row["held"] for row in told]
        assert frame["counts"].all()
    code, _, err = rnnsearch("journal", week.study.path, "--export", folder / "out.xlsx")
    assert code == 2
    assert "written as .csv, .json or .parquet, got 'out.xlsx'" in err
    with pytest.raises(StudyFileError, match="change the ending"):
        export([], folder / "out.txt")
    export([], folder / "none.csv")
    names = [name for name in told[0] if name not in ("no_change", "average")]
    assert list(pd.read_csv(folder / "none.csv").columns) == names


def test_the_command_tells_it_in_words(week: Days, rnnsearch: Callable[..., Result]) -> None:
    code, out, err = rnnsearch("journal", week.study.path)
    assert code == 0, err
    assert "forecasts are recorded of trial" in out
    assert "over no change and" in " ".join(out.split())
    assert "no sign that it does worse than doing nothing" in " ".join(out.split())
    code, out, _ = rnnsearch("journal", week.study.path, "--json")
    assert json.loads(out)["new"] == 0


def test_a_champion_of_another_evaluation_begins_its_own_line(week: Days) -> None:
    evaluate(week.study.study, top=1, seeds=1, again=True, say=quiet)
    week.record(297)
    week.end(299)
    told = journal(week.study.study)
    assert len(told["champions"]) == 2
    assert told["champions"][0]["recorded"] < told["champions"][1]["recorded"]
    said: list[str] = []
    for _ in range(2):  # its course is shown, from the first step on
        assert publish_journal(week.study.study, told, notice=said.append)
    assert not said


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["direction", "level"])
def test_other_targets_are_judged_in_their_own_unit(
    kind: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = {"output_shift": 2}
    path = write_study(tmp_path, study={"trials": 1}, data={"predict": kind}, space=space)
    search_inline(path)
    study = load_study(path)
    answer = evaluate(study, top=1, seeds=1, say=quiet)
    days = Days(with_calendar(Evaluated(path, home, answer)), monkeypatch)
    for row in (LAST - 1, LAST):
        days.record(row)
    if kind == "level":
        days.frame["Close"] *= 2.0  # a split: all prices are told in another unit
    days.end(299)
    (one,) = journal(study)["champions"]
    count = 3  # of two days, from the last two origins of each
    assert one["counted"] == count
    assert one["drift"]["p"] > 0.05
    if kind == "level":
        assert abs(one["skills"]["no_change"]) < 1
        assert one["interval"]["rows"] == count
    else:
        assert one["interval"] is None
        assert 0 <= one["table"][0]["auc"] <= 1 or one["table"][0]["auc"] is None


def test_a_holiday_that_no_calendar_knew_moves_the_target_to_the_next_session() -> None:
    prices = series(pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-05"]), "x.csv")
    entry = made("2024-01-03", 0.0, made="2024-01-03T22:00:00+00:00", target="2024-01-04")
    (found,) = came_true([entry], prices)
    assert found.outcome is not None
    assert found.outcome.date == "2024-01-05"
    # A session of the file that was not foreseen: what was forecast is the price of its date.
    entry = made("2024-01-02", 0.0, made="2024-01-02T22:00:00+00:00", target="2024-01-05")
    (found,) = came_true([entry], prices)
    assert found.outcome is not None
    assert found.outcome.date == "2024-01-05"


def test_a_champion_that_is_broken_is_told_to_have_drifted_and_since_when() -> None:
    rng = np.random.default_rng(4)
    days = pd.bdate_range("2024-01-01", periods=121)
    moves = rng.normal(0, 0.01, 120)
    known = []
    for place, move in enumerate(moves):
        forecast = float(rng.normal(0, 0.02 if place >= 40 else 0.0005))
        entry = made(
            f"{days[place]:%Y-%m-%d}", forecast, made=f"{days[place]:%Y-%m-%d}T22:00+00:00"
        )
        outcome = Outcome(
            date=f"{days[place + 1]:%Y-%m-%d}", start=1.0, price=1.0, actual=float(move)
        )
        known.append(entry.with_outcome(outcome))
    found = judge(judged(known, UTC_DATES))
    assert found["drift"]["drifted"]
    assert found["drift"]["since"] > f"{days[40]:%Y-%m-%d}"
    assert found["drift"]["p"] <= 0.05
    assert not judge(judged(known[:40], UTC_DATES))["drift"]["drifted"]


@pytest.mark.slow
def test_weights_that_know_sessions_after_an_origin_make_no_forecast_that_counts(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = {"output_shift": 3}
    path = write_study(tmp_path, study={"trials": 1}, split={"test": 0.0}, space=space)
    search_inline(path)
    study = load_study(path)
    renew(study, say=quiet)  # on all rows
    days = Days(with_calendar(Evaluated(path, home, {})), monkeypatch)
    said = days.record(299)
    assert said["recorded"]["new"] == 3
    found = entries(Store(study, create=False))
    assert [entry.said.late for entry in found][:2] == [TRAINED_SINCE] * 2
    assert found[2].origin == found[2].said.trained_last
    assert found[2].said.late == ""

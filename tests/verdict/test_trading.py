"""The champion's forecasts traded: in the answer, on every target, and only on what was known."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from rnnsearch.config import digest, load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.publish.registry import account_rows, publish
from rnnsearch.report.captions import pictures
from rnnsearch.report.facts import collect
from rnnsearch.report.page import render
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.damage import DIGEST
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.targets import get
from rnnsearch.terminal.evaluated import trading_tables
from rnnsearch.verdict.answers import stored_answer
from rnnsearch.verdict.evaluation import champion_folder, evaluate
from rnnsearch.verdict.plain import as_json
from rnnsearch.verdict.trading import traded
from tests.helpers.evaluated import BARS, Evaluated, answer_again, quiet, write_bars
from tests.helpers.searches import write_study


def with_trade(study: Evaluated, **keys: Any) -> Evaluated:
    """The same study, its file with a [trade]."""
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items())
    with study.path.open("a", encoding="utf-8") as file:
        file.write(f"\n[trade]\n{lines}\n")
    return study


def problem_of(folder: Path, trade: dict[str, Any] | None = None, **data: Any) -> Problem:
    """Bars, with a study of this [data] and [trade]."""
    if not (folder / "bars.csv").exists():
        write_bars(folder / "bars.csv")
    sections = {"data": BARS["data"] | data, "inputs": BARS["inputs"], "trade": trade or {}}
    return Problem.load(load_study(write_study(folder, "bars", **sections)))


def answer_of(problem: Problem, h: int = 1, seed: int = 1) -> dict[str, Any]:
    """As much of an answer as is traded, of forecasts that know nothing."""
    rows, rng = problem.split.test, np.random.default_rng(seed)
    forecast = 0.01 * rng.normal(size=len(rows))
    if problem.target.name == "level":
        forecast = problem.prices.close[rows - h] * np.exp(forecast)
    elif problem.target.name == "direction":
        forecast = 0.5 + 10 * forecast
    return {"champion": {"params": {"output_shift": h}}, "forecasts": {"champion": forecast}}


# --- in the answer


def test_the_answer_says_what_the_champion_would_have_earned(evaluated: Evaluated) -> None:
    found = evaluated.answer["trading"]
    h = evaluated.answer["champion"]["params"]["output_shift"]
    rows = evaluated.answer["test"]["rows"]
    assert found["sessions"] == len(found["dates"]) == len(found["exposure"]) == rows + h - 1
    assert found["last"] == evaluated.answer["test"]["last"]
    assert found["trials"] == evaluated.answer["trials"]
    assert found["per_year"] == 252
    assert [row["account"] for row in found["table"]] == [
        "champion", "before_costs", "buy_and_hold", "cash"
    ]  # fmt: skip
    prices = pd.read_csv(evaluated.path.with_name("prices.csv"))["Close"].to_numpy()
    last = len(prices)
    held = prices[last - rows - h + 1 :] / prices[last - rows - h]
    paid = (1 - 5e-4) / (1 + 5e-4)
    assert found["equity"]["buy_and_hold"][-1] == pytest.approx(held[-1] * paid, rel=1e-3)
    # The first forecast is as strong as those so far: half of the capital, a tranche of it.
    first = np.sign(evaluated.answer["forecasts"]["champion"][0])
    assert found["exposure"][0] == pytest.approx(0.5 * first / h, abs=1e-6)
    assert "before costs" in found["sentence"]
    assert any("just before" in note for note in found["notes"])
    assert any("without dividends" in note for note in found["notes"])


def test_the_spread_of_the_trials_is_what_deflates(evaluated: Evaluated) -> None:
    found = evaluated.answer["trading"]
    champion = found["table"][0]
    assert 0 < found["hurdle"] < 10
    assert champion["deflated_sharpe"] < champion["probabilistic_sharpe"]
    problem = Problem.load(evaluated.study)
    alone = traded(problem, [], 1, evaluated.answer)
    assert alone["hurdle"] == 0
    assert "luck" not in alone["sentence"]


def test_another_trade_section_opens_nothing_and_says_so(evaluated: Evaluated) -> None:
    notes: list[str] = []
    with_trade(evaluated, position="scaled", cost=1)
    answer = answer_again(evaluated, say=notes.append)
    assert answer == evaluated.answer
    assert "traded as [trade] said then" in notes[0]
    again = answer_again(evaluated, again=True)
    assert again["trading"]["settings"]["position"] == "scaled"
    assert again["openings"] == 2


@pytest.mark.slow
def test_an_evaluation_of_before_there_was_trading_loads_and_says_so(
    evaluated: Evaluated, rnnsearch: Any
) -> None:
    store = Store(evaluated.study, create=False)
    old = {k: v for k, v in store.notes()["evaluation"].items() if k not in (DIGEST, "trading")}
    store.note("evaluation", old | {DIGEST: digest(old)})
    answer = stored_answer(Store(evaluated.study, create=False))
    assert answer is not None
    assert "of a version before there was [trade]" in answer["trading"]["reason"]
    code, out, err = rnnsearch("evaluate", evaluated.path, "--top", 2, "--seeds", 2)
    assert code == 0
    assert "stands" not in err
    assert "not traded: this evaluation is of a version before" in " ".join(out.split())
    page = render(collect(evaluated.study))
    assert "Not traded: this evaluation is of a version before" in page
    assert "plot-equity" not in page
    assert answer_again(evaluated, again=True)["trading"]["table"]


def test_the_page_the_terminal_and_mlflow_have_it(evaluated: Evaluated) -> None:
    found = evaluated.answer["trading"]
    facts = collect(evaluated.study)
    (picture,) = pictures(facts)["money"]
    assert picture.figure.layout.yaxis.type == "log"
    assert len(picture.figure.data) == 8
    page = render(facts)
    table = page.partition('id="table-money"')[2].partition("</table>")[0]
    for row in found["table"]:
        assert f'data-value="{row["yearly_return"]}"' in table
    sentence, shown, *lines = trading_tables(found)
    assert sentence == found["sentence"]
    assert sentence in page.replace("&#39;", "'").replace("\u00a0", " ")
    assert [column.header for column in shown.columns][1:] == [  # type: ignore[union-attr]
        "champion", "before costs", "buy and hold", "cash"
    ]  # fmt: skip
    assert " at 20 bp" in str(lines[0])
    problem = Problem.load(evaluated.study)
    folder = champion_folder(evaluated.study)
    assert publish(problem, evaluated.answer, folder, notice=pytest.fail)
    client = MlflowClient(tracking_uri(evaluated.study))
    (experiment,) = client.search_experiments(filter_string="name = 'small'")
    runs = client.search_runs([experiment.experiment_id])
    metrics: dict[str, float] = {}
    for run in runs:
        metrics |= {k: v for k, v in run.data.metrics.items() if k.startswith("test_")}
    assert metrics["test_sharpe"] == pytest.approx(found["table"][0]["sharpe"])
    assert metrics["test_sharpe_before_costs"] == pytest.approx(found["table"][1]["sharpe"])
    assert metrics["test_break_even_cost"] == pytest.approx(found["break_even"])
    rows = account_rows(found)
    assert len(rows) == found["sessions"]
    assert rows[-1]["champion"] == found["equity"]["champion"][-1]


# --- only on what was known


@pytest.mark.parametrize("entry", ["close", "open"])
@pytest.mark.parametrize("position", ["sign", "scaled", "costs"])
def test_changing_the_future_changes_no_trade_before(
    tmp_path: Path, position: str, entry: str
) -> None:
    """Prices and forecasts of the last sessions are others: what was earned before is the same."""
    kept, trade = 30, {"position": position, "entry": entry}
    write_bars(tmp_path / "bars.csv")
    problem = problem_of(tmp_path, trade)
    answer, rows = answer_of(problem, h=2), problem.split.test
    one = traded(problem, [], 1, answer)
    frame = pd.read_csv(tmp_path / "bars.csv")
    change = slice(int(rows[kept]), None)
    for column in ("Open", "High", "Low", "Close"):
        frame.loc[change, column] *= 1.7
    frame.to_csv(tmp_path / "bars.csv", index=False)
    other = problem_of(tmp_path, trade)
    forecast = answer["forecasts"]["champion"].copy()
    forecast[kept + 2 :] *= -5  # made at the changed row or later
    changed = traded(other, [], 1, answer | {"forecasts": {"champion": forecast}})
    before = kept + 1  # the sessions begin one row before the target rows
    for name in ("champion", "before_costs", "buy_and_hold"):
        assert one["equity"][name][:before] == changed["equity"][name][:before]
        assert one["equity"][name][before:] != changed["equity"][name][before:]
    assert one["exposure"][:before] == changed["exposure"][:before]


# --- every target


@pytest.mark.parametrize("predict", ["log_return", "level", "direction"])
@pytest.mark.parametrize("position", ["sign", "scaled", "costs"])
def test_forecasts_of_every_kind_are_traded(tmp_path: Path, predict: str, position: str) -> None:
    problem = problem_of(tmp_path, {"position": position}, predict=predict)
    found = traded(problem, [], 20, answer_of(problem, h=3))
    assert json.dumps(as_json(found), allow_nan=False)
    assert np.any(found["exposure"])
    assert found["table"][0]["turnover"] > 0


def test_the_same_forecast_of_two_kinds_is_the_same_trade(tmp_path: Path) -> None:
    problem = problem_of(tmp_path)
    answer = answer_of(problem)
    one = traded(problem, [], 1, answer)
    level = problem_of(tmp_path, predict="level")
    origins = level.prices.close[level.split.test - 1]
    prices = get("log_return").to_price(answer["forecasts"]["champion"], origins)
    other = traded(level, [], 1, answer | {"forecasts": {"champion": prices}})
    assert one["equity"] == other["equity"]


@pytest.mark.parametrize(
    ("trade", "data", "reason"),
    [
        ({"position": "none"}, {}, '[trade] position is "none"'),
        ({}, {"target": "Open"}, "Open is not the price at which its session closes"),
        ({}, {"target": "Breadth", "predict": "level"}, "Breadth is not the price"),
    ],
)
def test_what_cannot_be_traded_says_why(
    tmp_path: Path, trade: dict[str, Any], data: dict[str, Any], reason: str
) -> None:
    problem = problem_of(tmp_path, trade, **data)
    found = traded(problem, [], 1, answer_of(problem))
    assert reason in found["reason"]
    assert list(trading_tables(found)) == [f"not traded: {found['reason']}"]


def test_prices_below_zero_have_no_shares_to_buy(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.csv")
    frame = pd.read_csv(tmp_path / "bars.csv")[["Date", "Close"]]
    frame["Close"] -= frame["Close"].median()
    frame.to_csv(tmp_path / "bars.csv", index=False)
    sections = {"data": {"path": "bars.csv", "predict": "level"}}
    problem = Problem.load(load_study(write_study(tmp_path, "spread", **sections)))
    assert "not above 0" in traded(problem, [], 1, answer_of(problem))["reason"]


def test_an_open_that_is_not_there_is_refused_before_the_test_is_opened(
    evaluated: Evaluated, rnnsearch: Any
) -> None:
    with_trade(evaluated, entry="open")
    with pytest.raises(StudyFileError, match=r"needs the column Open.*prices\.csv") as error:
        evaluate(evaluated.study, top=2, seeds=2, again=True, say=quiet)
    assert Store(evaluated.study, create=False).openings == 1
    code, _, err = rnnsearch("check", evaluated.path)
    assert (code, "needs the column Open" in err) == (2, True)
    # The advice is taken.
    assert 'write entry = "close"' in str(error.value)
    text = evaluated.path.read_text(encoding="utf-8").replace('"open"', '"close"')
    evaluated.path.write_text(text, encoding="utf-8")
    assert answer_again(evaluated) == evaluated.answer


# --- dividends


def test_prices_without_dividends_are_named(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.csv")
    frame = pd.read_csv(tmp_path / "bars.csv")
    paid = np.where(np.arange(len(frame)) < len(frame) - 20, 0.98, 1.0)
    frame["Adj Close"] = frame["Close"] * paid
    frame.to_csv(tmp_path / "bars.csv", index=False)
    answer = answer_of(problem_of(tmp_path))
    plain, adjusted, target = (
        traded(problem_of(tmp_path, {"entry": "open"}, **data), [], 1, answer)
        for data in ({}, {"adjust": True}, {"target": "Adj Close"})
    )
    assert any("without dividends" in n and "adjust = true" in n for n in plain["notes"])
    for one in (adjusted, target):
        assert any("dividends are in these prices" in note for note in one["notes"])
        held = one["equity"]["buy_and_hold"][-1] / plain["equity"]["buy_and_hold"][-1]
        assert held == pytest.approx(1 / 0.98, rel=1e-5)
    assert target["equity"]["champion"] == pytest.approx(adjusted["equity"]["champion"], rel=1e-6)


def test_an_open_that_is_only_carried_on_is_doubted(tmp_path: Path) -> None:
    problem = problem_of(tmp_path, {"entry": "open"})
    frame = problem.prices.frame.copy()
    frame["Open"] = frame["Close"].shift(1).fillna(frame["Open"])
    stale = replace(problem, prices=replace(problem.prices, frame=frame))
    notes = traded(stale, [], 1, answer_of(problem))["notes"]
    assert any("in 100 % of the sessions" in note for note in notes)

"""Every metric has one name and one home; other packages may bring further ones."""

import json
import math
import re
from dataclasses import replace
from importlib.metadata import EntryPoint
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from rnnsearch import targets
from rnnsearch.config import load_study
from rnnsearch.scoring import metrics
from rnnsearch.scoring.metrics import Metric, Scored, Unit, base, running
from rnnsearch.search.problem import Problem
from rnnsearch.targets import ours
from rnnsearch.terminal.evaluated import evaluation_tables
from tests.helpers.places import ROOT
from tests.helpers.searches import write_study

KEYS = [metric.key for metric in metrics.registry()]


def some_rows(kind, rows=40, seed=0):
    """A forecast that is a little right."""
    rng = np.random.default_rng(seed)
    target = targets.get(kind)
    close = 100 * np.exp(np.cumsum(0.01 * rng.normal(size=rows + 1)))
    actual = target.values(close, np.arange(1, rows + 1), 1)
    still = target.reference(close[:-1])
    return Scored(
        actual=actual,
        forecast=still + 0.3 * (actual - still) + 0.01 * rng.normal(size=rows),
        naive=dict.fromkeys(target.naive_words, still),
        hardest=still,
        origin=close[:-1],
        target=target,
        moved=1.0,
    )


def test_these_metrics_come_first_in_this_order():
    assert [
        *("skill", "gain", "rmse", "mae", "r2", "theil_u2", "directional_accuracy", "always_up"),
        *("log_loss", "auc", "brier_skill"),
        *("qlike", "mz_intercept", "mz_slope", "mz_r2"),
        *("price_rmse", "price_mae", "price_mape", "price_r2", "price_mase"),
    ] == KEYS


@pytest.mark.parametrize("key", KEYS)
def test_a_metric_is_told_in_plain_words(key):
    one = metrics.get(key)
    assert one.label
    assert one.meaning
    assert not one.hint.endswith(".")
    assert max(map(len, one.heading.split("\n"))) <= 6
    assert one.text(None) == one.cell(math.nan) == "–"
    assert one.better or key in ("always_up", "mz_intercept", "mz_slope")


@pytest.mark.parametrize("kind", ours())
def test_a_trial_and_the_table_tell_the_same_metrics_under_the_same_names(kind):
    scored = some_rows(kind)
    table, trial = metrics.score(scored), metrics.score_trial(scored)
    assert table.items() <= trial.items()
    beside = trial.keys() - table.keys()
    assert {f"{name}_rmse" for name in ("naive", *targets.get(kind).naive_words)} <= beside
    for key in trial:
        assert metrics.get(key).key == key
        assert metrics.get(key).label
    assert trial["naive_rmse"] == metrics.rmse(scored.actual, scored.hardest)


@pytest.mark.parametrize("kind", ours())
def test_better_says_which_way_a_metric_goes_when_a_forecast_errs_less(kind):
    scored = some_rows(kind)
    wrong = scored.hardest - 0.3 * (scored.actual - scored.hardest)  # the other way
    low, high = (metrics.score(scored.of(forecast)) for forecast in (wrong, scored.actual))
    for key in low:
        better = metrics.get(key).better
        if key.startswith("mz_") and not better:  # neither way is
            continue
        assert (high[key] > low[key]) == (better == "higher"), key
        assert (high[key] < low[key]) == (better == "lower"), key


def test_a_name_that_there_is_not_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"'skill', .* or 'price_mase', got 'price_rsme'; did you"):
        metrics.get("price_rsme")
    with pytest.raises(ValueError, match="did you mean 'always_up'"):
        metrics.get("always_upp")


def test_the_naive_forecasts_of_trials_are_headed_by_their_names():
    new = {"rmse": 1.0, "naive_rmse": 1.0, "no_change_rmse": 1.0, "average_rmse": 1.0}
    old = {"rmse": 1.0, "naive_rmse": 1.0}
    assert [one.label for one in metrics.naive_columns([new, new])] == ["no change", "average"]
    assert [one.heading for one in metrics.naive_columns([new])] == ["no\nchange", "aver-\nage"]
    assert [one.label for one in metrics.naive_columns([new, old])] == ["naive RMSE"]
    assert metrics.get("base_rate_rmse").label == "base rate"
    assert metrics.get("naive_price_mape").label == "naive price MAPE"


def test_trials_of_before_a_metric_had_one_name_are_read_under_it():
    assert metrics.renamed({"always_up_accuracy": 0.5, "rmse": 1}) == {"always_up": 0.5, "rmse": 1}
    assert "always_up_accuracy" not in KEYS


def test_what_has_no_value_is_left_out_of_a_trial():
    scored = replace(some_rows("direction"), actual=np.ones(40))
    assert math.isnan(metrics.score(scored)["auc"])
    assert "auc" not in metrics.score_trial(scored)


# What other packages bring


@pytest.fixture
def brought(monkeypatch):
    """Entry points as if another package had them."""
    theirs = type(base)("their_metrics")
    monkeypatch.setitem(__import__("sys").modules, "their_metrics", theirs)

    def bring(**values):
        vars(theirs).update(values)
        points = [EntryPoint(n, f"their_metrics:{n}", "rnnsearch.metrics") for n in values]
        monkeypatch.setattr("rnnsearch.plugins.entry_points", lambda group: points)
        running.brought.cache_clear()

    yield bring
    running.brought.cache_clear()


def raises(scored):
    raise ValueError("no\nsuch thing.")


def worst(scored):
    return np.abs(scored.actual - scored.forecast).max()


WORST = Metric(
    key="worst", label="worst error", function=worst, unit=Unit(sign=" !"), better="lower"
)


def test_a_metric_of_another_package_is_told_with_ours_and_found_by_its_name(brought):
    brought(WORST=WORST)
    scored = some_rows("level")
    assert [*metrics.score(scored)][-1] == "worst"
    assert metrics.score_trial(scored)["worst"] == worst(scored)
    assert metrics.get("worst").text(1.5) == "1.5 !"


def test_a_metric_that_fails_has_no_value_and_the_others_have_theirs(brought):
    def spoils(scored):
        scored.actual[:] = 0

    def warns(scored):
        return np.log(-1.0)

    broken = {"raises": raises, "spoils": spoils, "warns": warns, "says": lambda _: "much"}
    broken["many"] = lambda scored: scored.actual
    brought(**{k: Metric(key=k, label=k, function=f) for k, f in broken.items()})
    said = []
    found = metrics.score(some_rows("level"), say=said.append)
    assert all(math.isnan(found[key]) for key in broken)
    assert found["rmse"] == metrics.score(some_rows("level"))["rmse"]
    assert sorted(said) == [
        "metric many: its value should be one number, got a ndarray",
        "metric raises: it failed with ValueError: no",
        "metric says: its value should be one number, got a str",
        "metric spoils: it failed with ValueError: assignment destination is read-only",
    ]
    assert broken.keys().isdisjoint(metrics.score_trial(some_rows("level")))


def test_a_metric_that_cannot_stand_among_the_others_is_not_used_and_says_why(
    brought, tmp_path, monkeypatch
):
    brought(
        a=replace(WORST, key="rmse"),
        b=replace(WORST, key="always_up_accuracy"),
        c=replace(WORST, key="no_change_rmse"),
        d=replace(WORST, key="two words"),
        e=replace(WORST, key="one", format="%.3f"),
        f=replace(WORST, key="other", better="up"),
        g=worst,
        h=WORST,
    )
    found, reasons = running.brought()
    assert [*found] == ["worst"]
    assert [re.sub(".*is not used: ", "", reason) for reason in reasons] == [
        "their_metrics:a is called 'rmse', as another metric is",
        "there is a metric 'always_up_accuracy' already; give this one another key",
        "there is a metric 'no_change_rmse' already; give this one another key",
        "the key of a metric has letters, digits and '_', starts with a letter and has at most 100 "
        "characters, got 'two words'",
        "format should be as Python has it for numbers, '.3f', got '%.3f'",
        "better should be 'higher', 'lower' or '', got 'up'",
        "their_metrics:g is a function, not a rnnsearch Metric",
    ]
    assert all(reason.startswith("the metric '") for reason in reasons)
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path))
    assert set(reasons) <= set(Problem.load(load_study(write_study(tmp_path))).notes)


def test_an_answer_shows_a_metric_that_is_not_installed_any_more():
    told = {"worst": json.loads(json.dumps(WORST.plain()))}
    answer = {
        "verdict": {"sentence": ""},
        "champion": {
            "trial": 1,
            "params": {
                "cell": "lstm",
                "neurons": [8],
                "window": 9,
                "output_shift": 1,
                "inputs": ["a"],
            },
            "skill": 0.1,
            "seeds": [1],
        },
        "table": [
            {"forecast": name, "skill": 0.1, "worst": 1.5, "gone_too": 2.0}
            for name in ("champion", "ridge")
        ],
        "own_metrics": told,
        "test": {"rows": 12, "first": "2014-01-01", "last": "2018-12-31"},
        "seed_skills": [0.1],
        "interval": None,
        "significance": {},
    }
    screen = Console(width=80, file=StringIO())
    for part in evaluation_tables(answer):
        screen.print(part)
    assert re.search(r"worst error +1\.5 ! +1\.5 !", screen.file.getvalue())
    assert re.search(r"gone too +2 +2", screen.file.getvalue())


def test_the_guide_has_every_metric_under_its_name():
    guide = (ROOT / "docs" / "answer.md").read_text(encoding="utf-8")
    section = guide.partition("## The metrics")[2].partition("\n## ")[0]
    assert [key for key in KEYS if f"`{key}`" not in section] == []

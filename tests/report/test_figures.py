"""Statistics of inputs, shifts and parameters on trials whose truth is known; figures of them."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
import pytest
from matplotlib.figure import Figure
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from rnnsearch.config import load_study
from rnnsearch.report.contributions import (
    ALL,
    Importance,
    fenced,
    input_statistics,
    parameter_importance,
    shift_gain,
)
from rnnsearch.report.figures import champion as figures
from rnnsearch.report.figures import search as search_figures
from rnnsearch.report.figures.content import contents, of_inputs, of_shifts, parameters, reached
from rnnsearch.report.figures.images import as_svg, plots
from rnnsearch.report.figures.style import STATES, short
from rnnsearch.scoring import metrics, words
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView
from tests.helpers.searches import write_study

RNG = np.random.default_rng(3)


def trial(
    skill: float | None,
    inputs: tuple[str, ...] = ("return",),
    *,
    state: TrialState = TrialState.COMPLETE,
    input_shift: int | dict[str, int] = 0,
    output_shift: int = 1,
    epochs: int = 3,
    sampled: dict[str, Any] | None = None,
    **attrs: Any,
) -> TrialView:
    parameters = {
        "cell": "gru",
        "neurons": [8],
        "window": 5,
        "epochs": epochs,
        "learning_rate": 0.01,
        "input_shift": input_shift,
        "output_shift": output_shift,
        "inputs": list(inputs),
        "seed": 1,
        "clip": 1.0,
    }
    distributions = {
        name: CategoricalDistribution((True, False))
        if isinstance(value, bool)
        else FloatDistribution(0, 1)
        for name, value in (sampled or {}).items()
    }
    frozen = create_trial(
        state=state,
        value=skill if state == TrialState.COMPLETE else None,
        params=sampled or {},
        distributions=distributions,
        user_attrs={"parameters": parameters} | attrs,
    )
    return TrialView(frozen)


def plain(number: int, skill: float | None, state: str = "complete", **parameters: Any) -> Any:
    reached = -0.01 if skill is None else skill
    history = {
        "gain": [reached - 0.01, reached],
        "train_loss": [1.0, 0.9],
        "validation_loss": [1.0, 0.95],
        "gradient_norm": [0.4, 0.3],
    }
    known = trial(0.0).plain | parameters
    return {
        "number": number,
        "state": state,
        "gain": skill,
        "parameters": known,
        "history": history,
    }


def test_an_input_is_compared_between_the_trials_with_and_without_it() -> None:
    trials = [
        trial(0.04, ("return", "good")),
        trial(0.02, ("return", "good", "bad")),
        trial(0.00, ("return",)),
        trial(-0.02, ("return", "bad")),
    ]
    found = {one.input: one for one in input_statistics(trials)}
    good, bad, always = found["good"], found["bad"], found["return"]
    assert (good.chosen, good.trials) == (2, 4)
    assert good.gain_with == pytest.approx(0.03)
    assert good.gain_without == pytest.approx(-0.01)
    assert good.worth == pytest.approx(0.04)
    assert bad.worth == pytest.approx(-0.02)
    assert always.gain_without is None
    assert always.worth is None
    assert [one.input for one in input_statistics(trials)] == ["good", "bad", "return"]


def test_duplicates_pruned_and_failed_trials_do_not_count() -> None:
    trials = [
        trial(0.01, ("return", "x")),
        trial(0.01, ("return", "x"), duplicate_of=0),
        trial(None, ("return", "x"), state=TrialState.PRUNED),
        trial(None, ("return", "x"), state=TrialState.FAIL, reason="diverged"),
    ]
    assert all(one.trials == 1 for one in input_statistics(trials))
    assert sum(cell.trials for cell in shift_gain(trials)[ALL]) == 1


def test_permutation_importance_orders_inputs_where_it_is_known() -> None:
    def measured(skill: float, **losses: float) -> TrialView:
        return trial(skill, tuple(losses), record={"permutation": losses})

    best = [measured(0.05, a=0.0, b=0.03)] + [measured(0.03, a=0.01, b=0.01) for _ in range(4)]
    trials = [*best, measured(0.02, a=0.9), trial(0.04, ("a", "c"))]
    found = input_statistics(trials)
    assert [one.input for one in found] == ["b", "a", "c"]
    # Of the five best only, and of these four were measured; 0.05 and three of 0.03.
    assert found[0].permutation == pytest.approx((0.03 + 3 * 0.01) / 4)
    assert found[1].permutation == pytest.approx(3 * 0.01 / 4)
    assert found[2].permutation is None


def test_one_wild_trial_counts_as_the_fence_only() -> None:
    skills = [0.01, 0.02, 0.03, 0.04, -50.0]
    low, high = np.quantile(skills, [0.25, 0.75])
    assert fenced(skills).min() == pytest.approx(low - 1.5 * (high - low))
    assert fenced(skills[:4]).tolist() == skills[:4]
    assert fenced([]).tolist() == []


def test_shifts_are_told_for_all_inputs_or_per_family() -> None:
    trials = [
        trial(0.02, input_shift=0, output_shift=1),
        trial(0.04, input_shift=0, output_shift=1),
        trial(0.01, input_shift=2, output_shift=3),
    ]
    first, second = shift_gain(trials)[ALL]
    assert (first.input_shift, first.output_shift, first.trials) == (0, 1, 2)
    assert first.gain == pytest.approx(0.03)
    assert (second.input_shift, second.output_shift) == (2, 3)
    per_family = shift_gain([trial(0.02, input_shift={"price": 0, "column": 2})])
    assert list(per_family) == ["column", "price"]
    assert per_family["column"][0].input_shift == 2


def _store(folder: Path, trials: list[TrialView]) -> Store:
    store = Store(load_study(write_study(folder)))
    store._study.add_trials([trial._trial for trial in trials])
    return store


def _searched(folder: Path, count: int) -> Store:
    """Skill follows `learning_rate`, a little the switch of input a, and nothing else."""
    trials = []
    for _ in range(count):
        sampled = {
            "learning_rate": float(RNG.random()),
            "dropout": float(RNG.random()),
            "neurons_1": float(RNG.random()),
            "neurons_2": float(RNG.random()),
            "input.a": bool(RNG.random() < 0.5),
            "input.b": bool(RNG.random() < 0.5),
        }
        skill = sampled["learning_rate"] + 0.3 * sampled["input.a"]
        trials.append(trial(skill, sampled=sampled))
    return _store(folder, trials)


def test_the_parameter_that_decides_has_the_greatest_importance(tmp_path: Path, home: Path) -> None:
    store = _searched(tmp_path, 60)
    found = parameter_importance(store)
    assert list(found.parameters)[:2] == ["learning_rate", "inputs"]
    assert set(found.parameters) == {"learning_rate", "inputs", "dropout", "neurons"}
    assert sum(found.parameters.values()) == pytest.approx(1)
    assert found.note == ""
    assert parameter_importance(store) == found, "it is seeded"


def test_importance_says_where_it_cannot_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def own(name: str) -> Path:
        monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / name))
        return tmp_path / name

    few = parameter_importance(_searched(own("few"), 9))
    assert (few.parameters, few.trials, few.note) == ({}, 9, "needs 10 complete trials")
    rough = parameter_importance(_searched(own("rough"), 12))
    assert rough.note == "rough: 12 trials for 6 sampled parameters"
    trials = [trial(0.0, sampled={"dropout": float(RNG.random())}) for _ in range(12)]
    assert (
        parameter_importance(_store(own("alike"), trials)).note == "all trials have the same gain"
    )


# --- figures ------------------------------------------------------------------------------------


def _data(figure: go.Figure) -> list[dict[str, Any]]:
    return list(json.loads(figure.to_json())["data"])


def test_best_so_far_never_falls_and_states_are_apart() -> None:
    pruned = trial(None, state=TrialState.PRUNED, record={"history": {"skill": [-0.01]}})
    trials = _numbered([trial(0.01), pruned, trial(-0.3), trial(0.02)])
    figure = search_figures.draw(reached(trials))
    named = {trace.name: trace for trace in figure.data}
    assert set(named) == {"complete", "pruned", "best so far"}
    assert list(named["best so far"].y) == [0.01, 0.01, 0.02, 0.02]
    assert list(named["pruned"].y) == [-0.01], "the gain it had reached"
    assert len({colour for colour, _ in STATES.values()}) == 3
    assert len({symbol for _, symbol in STATES.values()}) == 3


def test_one_wild_trial_does_not_flatten_the_history() -> None:
    trials = _numbered([trial(0.01 * n) for n in range(10)] + [trial(-80.0)])
    content = reached(trials)
    assert "1 trial lies below the picture" in content.caption
    low, high = search_figures.draw(content).layout.yaxis.range
    assert low > -1
    assert high > 0.09


def test_curves_of_one_state_are_one_trace_and_do_not_join() -> None:
    figure = search_figures.curves([plain(0, 0.01), plain(1, 0.02), plain(2, None, "pruned")])
    named = {trace.name: trace for trace in figure.data}
    assert list(named["complete"].x) == [1, 2, None, 1, 2, None]
    assert "best: trial 1" in named


def test_curves_of_a_long_search_are_bounded() -> None:
    figure = search_figures.curves([plain(n, 0.001 * n) for n in range(1000)])
    (complete,) = (trace for trace in figure.data if trace.name == "complete")
    assert len(complete.x) == 3 * search_figures.SHOWN_CURVES


def test_parallel_coordinates_show_what_varies_only() -> None:
    trials = [plain(n, 0.01 * n, window=5 + n, neurons=[8 * (1 + n % 2)]) for n in range(9)]
    figure = search_figures.parallel_coordinates(trials)
    assert list(figure.layout.xaxis.ticktext) == ["neurons", "window", "gain"]
    best = [trace for trace in figure.data if trace.legendgroup == "best third"]
    assert len(best) == 3
    assert best[-1].y[-1] == 1


def test_moves_are_on_equal_scales_with_the_diagonal() -> None:
    actual, forecast = np.array([-2.0, 1.0, 3.0]), np.array([0.1, -0.1, 0.2])
    figure = figures.moves(["2020-01-01"] * 3, actual, forecast)
    assert figure.layout.xaxis.range == figure.layout.yaxis.range
    named = {trace.name: trace for trace in figure.data}
    assert list(named["perfect"].x) == list(named["perfect"].y)
    assert list(named["no change"].y) == [0, 0]


def test_the_price_figure_draws_the_naive_forecast_beside_the_champion() -> None:
    close = 100 + np.arange(200.0)
    dates = [str(date) for date in np.arange("2020-01-01", "2020-07-19", dtype="datetime64[D]")]
    forecasts = {"champion": close + 1, "persistence": close - 1, "ridge": close}
    figure = figures.prices(dates, close, forecasts, band=(close - 3, close + 3))
    named = {trace.name: trace for trace in figure.data}
    assert named["champion"].visible is True
    assert named["no change"].visible is True
    assert named["ridge"].visible == "legendonly"
    assert list(figure.layout.xaxis.range) == [dates[-60], dates[-1]]


def test_a_heat_map_has_a_cell_for_every_pair_and_gaps_where_nothing_was_tried() -> None:
    cells = shift_gain(
        [trial(0.02, input_shift=0, output_shift=1), trial(-0.04, input_shift=2, output_shift=3)]
    )[ALL]
    (content,) = of_shifts({ALL: cells})
    (heat,) = search_figures.draw(content).data
    assert list(heat.x) == ["1", "2", "3"]
    assert list(heat.y) == ["0", "1", "2"]
    assert heat.z[0][0] == pytest.approx(0.02)
    assert heat.z[0][1] is None
    assert (heat.zmin, heat.zmax) == (-0.04, 0.04), "white is doing nothing"


def test_names_in_labels_are_shown_as_they_are() -> None:
    trials = [trial(0.1, ("return", "<b>x</b>")), trial(0.0)]
    importance = parameters(Importance({"<b>x</b>": 1.0}, 12, ""))
    for content in (*of_inputs(input_statistics(trials)), importance):
        text = json.dumps(_data(search_figures.draw(content)))
        assert "<b>" not in text
        assert "&lt;b&gt;x&lt;/b&gt;" in text


def test_missing_values_leave_gaps() -> None:
    figure = figures.seed_skills([0.01, None], None)
    assert _data(figure)[0]["text"] == ["+1.00 %", "", ""]
    rounded = short([None, np.inf, 0.0, 123456.789, -1.23456789e-9])
    assert np.isnan(rounded[0])
    assert rounded[2:].tolist() == [0.0, 123457.0, pytest.approx(-1.23457e-9)]


def test_a_probability_figure_keeps_rises_and_falls_apart() -> None:
    figure = figures.probabilities(np.array([True, False, True]), np.array([0.6, 0.4, 0.7]))
    assert [trace.name for trace in figure.data] == ["rose", "fell"]
    assert list(figure.data[0].x) == [0.6, 0.7]


# --- words --------------------------------------------------------------------------------------


def test_every_test_has_a_question_an_answer_and_a_meaning() -> None:
    significance: dict[str, dict[str, Any]] = {
        "information": {"p": 0.0001},
        "diebold_mariano": {"p_better": 0.0002},
        "diebold_mariano_ridge": {"p_better": 0.99},
        "pesaran_timmermann": {"p_better": 0.3, "accuracy": 0.52, "expected": 0.5, "rows": 400},
        "superior_ability": {"p": 0.04, "note": "the 2,000 best"},
        "confidence_set": {"included": [1], "trials": 40, "size": 0.1},
        "overfitting": {
            "probability": 0.6,
            "skill_chosen": 0.02,
            "skill_after": -0.01,
            "splits": 12870,
            "trials": 40,
        },
    }
    verdict = {"better": True, "informative": True, "p": 0.0003, "p_information": 0.0002}
    evaluation = {
        "significance": significance,
        "verdict": verdict | {"sentence": "Better than doing nothing"},
        "corrected": {"diebold_mariano_ridge": 1.0, "pesaran_timmermann": 0.6}
        | {"superior_ability": 0.04},
    }
    found = {finding.question: finding for finding in words.findings(evaluation)}
    assert len(found) == len(significance)
    tones = [finding.tone for finding in found.values()]
    assert tones == ["good", "good", "unclear", "unclear", "good", "good", "bad"]
    assert found["Better than doing nothing?"].answer == "yes, p < 0.001"
    assert all(finding.meaning for finding in found.values())
    silent = evaluation | {"verdict": verdict | {"informative": False, "sentence": "Not ..."}}
    tones = {finding.question: finding.tone for finding in words.findings(silent)}
    assert tones["Is any trial really better, among so many?"] == "unclear", "no information"
    too_few = {"diebold_mariano": {"reason": "needs 20 rows, has 12"}}
    (skipped,) = words.findings(evaluation | {"significance": too_few})
    assert skipped.answer == "cannot be told: needs 20 rows, has 12"
    assert skipped.tone == "unclear"


def test_figures_are_written_with_a_real_minus_and_gaps() -> None:
    assert metrics.get("skill").text(-0.01234) == "−0.0123"
    assert metrics.get("rmse").text(None) == "–"
    assert metrics.get("directional_accuracy").text(0.5123) == "51.2 %"


# --- images -------------------------------------------------------------------------------------


def _texts(image: Figure) -> list[str]:
    """As they stand in the file."""
    return [str(part.text) for part in ElementTree.fromstring(as_svg(image)).iter() if part.text]


def _numbered(trials: list[TrialView]) -> list[TrialView]:
    for number, one in enumerate(trials):
        one._trial.number = number
    return trials


def test_images_tell_what_the_statistics_tell_and_names_are_text() -> None:
    name = "<b>$x$</b>"
    trials = [
        trial(0.01 * (n + 1), ("return", name) if n % 2 else ("return",), output_shift=n % 2)
        for n in range(6)
    ]
    record = {"permutation": {"return": -0.001, name: 0.02}}
    trials[5] = trial(0.06, ("return", name), output_shift=1, record=record)
    importance = Importance({"cell": 0.75, "x<y": 0.25}, 6, "")
    drawn = plots(contents(_numbered(trials), input_statistics(trials), importance))
    searched = {
        "best_so_far",
        "parameter_importance",
        "inputs",
        "date_shifts",
        "compared_output_shift",
    }
    assert set(drawn) == {*searched, "permutation_importance"}
    (points,) = drawn["best_so_far"].axes[0].collections
    assert len(points.get_offsets()) == 6
    assert {"x<y", "75%", "25%"} <= set(_texts(drawn["parameter_importance"]))
    assert {name, "+2.00 %", "−0.10 %"} <= set(_texts(drawn["permutation_importance"]))
    assert {name, "3 of 6"} <= set(_texts(drawn["inputs"]))
    assert {"+3.00 %", "+4.00 %", "n=3"} <= set(_texts(drawn["date_shifts"]))


def test_the_line_of_the_best_never_falls_below_an_earlier_trial() -> None:
    history = {"record": {"history": {"skill": [0.05]}}}
    pruned = trial(None, state=TrialState.PRUNED, **history)
    trials = [trial(0.01), trial(0.03), trial(-0.5), pruned, trial(0.02)]
    found = contents(_numbered(trials), input_statistics(trials), Importance({}, 0, ""))
    image = plots(found)["best_so_far"]
    line = image.axes[0].lines[0]
    assert list(line.get_xdata()) == [0, 1, 2, 4, 4]
    assert list(line.get_ydata()) == [0.01, 0.03, 0.03, 0.03, 0.03], "a pruned one is not the best"


def test_there_is_an_image_of_one_trial_too() -> None:
    found = contents(_numbered([trial(0.0)]), [], Importance({}, 1, "needs 2"))
    assert set(plots(found)) == {"best_so_far"}

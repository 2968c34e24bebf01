"""`explain`: what it says, that it leaves the locked test shut, and where it is shown."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from rnnsearch.config import load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.report.facts import collect
from rnnsearch.report.figures import style
from rnnsearch.report.figures.images import as_svg, plots
from rnnsearch.report.figures.looking import of_explanation
from rnnsearch.report.figures.search import draw
from rnnsearch.report.page import render
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.openings import openings_so_far
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.folds import TrialData
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.terminal.explained import explanation_tables
from rnnsearch.verdict.evaluation import champion_folder, evaluate
from rnnsearch.verdict.explanation.explaining import _looks, explain, reach
from tests.helpers.evaluated import PARAMETERS, command, quiet, search_inline
from tests.helpers.planted_ahead import planted, write_planted
from tests.helpers.searches import write_study


@pytest.mark.slow
def test_it_says_how_far_back_the_champion_looks_beside_other_cells(evaluated):
    study = evaluated
    told = explain(study.study, say=quiet)
    params = study.answer["champion"]["params"]
    assert told["trial"] == study.answer["champion"]["trial"]
    assert told["evaluated"]
    assert told["cells"][0]["cell"] == params["cell"]
    assert {one["cell"] for one in told["cells"]} == {params["cell"], "rnn", "lstm", "gru"}
    shape = (params["window"], len(params["inputs"]))
    for name in ("attribution", "gradient"):
        assert np.shape(told[name]) == shape
        assert np.isfinite(told[name]).all()
    assert told["incompleteness"] < 0.05
    assert 1 <= told["reach"]["half"] <= told["reach"]["nine_tenths"] <= params["window"]
    for one in told["cells"]:
        assert len(one["norm"]) == params["window"]
        assert all(value > 0 for value in one["singular"].values())
    assert told["gates"]["of"] == "the next forecast"
    # Asked again it says the same, and no opening was made.
    assert explain(study.study, say=quiet) == told
    store = Store(study.study, create=False)
    assert openings_so_far(store, study.answer["opening_id"]) == 1


@pytest.mark.slow
def test_the_page_and_the_images_show_it(evaluated):
    study = evaluated
    assert 'id="looking"' not in render(collect(study.study))
    told = explain(study.study, say=quiet)
    facts = collect(study.study)
    page = render(facts)
    assert 'id="looking"' in page
    assert told["sentence"] in page
    contents = list(of_explanation(facts.explanation))
    assert [one.name for one in contents] == [
        "looking_inputs",
        "looking_gradients",
        "looking_gates",
    ]
    for name, image in plots(contents).items():
        assert f'data-figure="{name}"' in page
        assert "<svg" in as_svg(image)
    for content in contents:
        for trace in draw(content).to_dict()["data"]:
            colours = [one for _, one in trace.get("colorscale", ())] or [trace["line"]["color"]]
            assert set(colours) <= style.DARK.keys(), "it is dark where the page is"


@pytest.mark.slow
def test_without_the_champion_s_folder_it_says_so_and_goes_on(evaluated):
    study = evaluated
    for file in champion_folder(study.study).iterdir():
        file.unlink()
    assert "champion's folder is not there" in explain(study.study, say=quiet)["gates"]["of"]


@pytest.mark.slow
def test_before_an_evaluation_it_is_of_the_best_trial(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "runs"))
    path = write_study(tmp_path, study={"trials": 2})
    assert command(monkeypatch, "explain", path) == 4  # nothing was searched
    capsys.readouterr()
    search_inline(path)
    assert command(monkeypatch, "explain", path, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert not told["evaluated"]
    assert told["gates"]["of"] == "the newest validation row"
    assert command(monkeypatch, "explain", path) == 0
    shown = capsys.readouterr().out
    assert "best trial" in shown
    assert "The same settings with other cells" in shown


def test_what_happened_in_the_locked_rows_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "runs"))
    path = write_study(tmp_path)
    parameters = TrialParameters.from_plain(PARAMETERS | {"inputs": ["return", "Spread"]})

    def looks():
        problem = Problem.load(load_study(path))
        data = TrialData(
            problem.table, problem.prices.quotes, problem.split, problem.study.data.predict
        )
        torch.manual_seed(0)
        found, _ = _looks(problem, data, parameters, quiet)
        return problem, found

    problem, before = looks()
    frame = pd.read_csv(tmp_path / "prices.csv")
    first = int(problem.split.test[0]) - max(problem.study.space.output_shift) + 1
    frame.loc[first:, ["Close", "Spread"]] *= 3.0
    frame.to_csv(tmp_path / "prices.csv", index=False)
    _, after = looks()
    for cell, look in before.items():
        np.testing.assert_array_equal(look.gradient, after[cell].gradient)
        np.testing.assert_array_equal(look.attribution, after[cell].attribution)
        assert look.skill == after[cell].skill
        assert look.rows.max() < first


@pytest.mark.slow
def test_gates_are_shown_where_the_file_does_not_say_what_is_known_ahead(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "runs"))
    path = write_planted(tmp_path, planted(300), study={"trials": 1}, inputs={"search": "all"})
    search_inline(path)
    study = load_study(path)
    evaluate(study, top=1, seeds=1, say=quiet)
    told = explain(study, say=quiet)
    assert "known ahead" in told["gates"]["of"]
    assert told["gates"]["origin"] == told["last"]
    assert any("known ahead" in str(part) for part in explanation_tables(told))
    assert 'id="looking"' in render(collect(study))
    planted(300, coming=3).to_csv(tmp_path / "planted.csv")
    assert explain(study, say=quiet)["gates"]["of"] == "the next forecast"


def test_of_a_network_that_says_quantiles_the_median_is_explained(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "runs"))
    problem = Problem.load(load_study(write_study(tmp_path)))
    data = TrialData(
        problem.table, problem.prices.quotes, problem.split, problem.study.data.predict
    )
    changes = {"loss": "quantile", "quantiles": [0.1, 0.5, 0.9], "cell": "gru"}
    found, _ = _looks(problem, data, TrialParameters.from_plain(PARAMETERS | changes), quiet)
    look = found["gru"]
    places = [(0, 0, 0), (3, 1, 0)]
    for row, session, place in places:
        moved = look.windows[row : row + 1].clone()
        moved[0, session, place] += 1e-2
        with torch.no_grad():
            change = look.network(moved)[0, 1] - look.network(look.windows[row : row + 1])[0, 1]
        assert look.gradient[row, session, place] == pytest.approx(float(change) / 1e-2, rel=0.05)
    assert np.isfinite(look.skill)


@pytest.mark.slow
@pytest.mark.parametrize("head", ["direct", "decoder", "attention"])
def test_of_paths_the_mean_of_the_steps_is_explained(head, tmp_path, monkeypatch):
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "runs"))
    data = {"path": "prices.csv", "steps": 3}
    path = write_study(tmp_path, data=data, space={"head": head}, study={"trials": 1})
    search_inline(path)
    told = explain(load_study(path), say=quiet)
    assert told["incompleteness"] < 0.05
    assert all(np.isfinite(one["skill"]) for one in told["cells"])
    assert told["gates"]["layers"]


def test_how_many_of_the_newest_sessions_hold_half_and_nine_tenths():
    assert reach(np.array([0.0, 1, 0, 4, 5])) == {"half": 1, "nine_tenths": 2}
    assert reach(np.array([8.0, 1, 1])) == {"half": 3, "nine_tenths": 3}
    assert reach(np.zeros(3)) == {"half": 0, "nine_tenths": 0}


def test_one_network_of_many_series_is_refused_with_the_reason(tmp_path):
    study = load_study(write_study(tmp_path))
    pooled = study.model_copy(update={"data": study.data.model_copy(update={"pool": True})})
    with pytest.raises(StudyFileError, match=r"of one series, and \[data\] pool trains one for"):
        explain(pooled, say=quiet)

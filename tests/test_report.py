"""The report: what it says, that it is safe, and that a browser shows it."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import NoTrialError
from rnnsearch.results import evaluation
from rnnsearch.results.evaluation import evaluate, stored_answer
from rnnsearch.results.publishing import publish_plots, publish_report
from rnnsearch.results.report import collect, render, report
from rnnsearch.results.summary import status
from rnnsearch.search.records import tracking_uri
from rnnsearch.search.store import Store
from tests.browser import Browser, browser
from tests.evaluated import patch_workers, quiet, search_inline
from tests.searches import run, runs_of, write_study

pytestmark = pytest.mark.xdist_group("report")  # made once

NASTY = "<script>alert(1)</script>"
SIZES = ((360, 740), (1280, 900))


@dataclass(frozen=True)
class Pages:
    """A study with a nasty column name, and its report before and after the evaluation."""

    path: Path
    home: Path
    before: Path
    after: Path


def _write_prices(folder: Path) -> None:
    rng = np.random.default_rng(5)
    signal = rng.normal(size=300)
    moves = 0.006 * np.roll(signal, 1) + rng.normal(0, 0.008, 300)
    frame = pd.DataFrame(
        {
            "Date": pd.bdate_range("2020-01-01", periods=300),
            "Close": 100 * np.exp(np.cumsum(moves)),
            NASTY: signal,
            "Breadth & <b>bold</b>": rng.normal(size=300),
        }
    )
    frame.to_csv(folder / "prices.csv", index=False)


@pytest.fixture(scope="session")
def pages_once(tmp_path_factory: pytest.TempPathFactory, _mlflow_database: Path) -> Iterator[Pages]:
    folder = tmp_path_factory.mktemp("reported")
    home = folder / "runs"
    home.mkdir()
    shutil.copy(_mlflow_database, home / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNSEARCH_HOME", str(home))
        patch_workers(patch)
        _write_prices(folder)
        path = write_study(
            folder,
            study={"trials": 12, "pruner": "none"},
            space={
                "learning_rate": {"low": 1e-3, "high": 3e-2, "log": True},
                "input_shift": [0, 1],
            },
            inputs={"search": "ranked"},
        )
        search_inline(path)
        before = report(load_study(path)).rename(folder / "before.html")
        evaluate(load_study(path), top=2, seeds=2, say=quiet)
        after = report(load_study(path))
        yield Pages(path, home, before, after)


@pytest.fixture
def pages(pages_once: Pages, monkeypatch: pytest.MonkeyPatch) -> Pages:
    """To be read, not changed."""
    monkeypatch.setenv("RNNSEARCH_HOME", str(pages_once.home))
    return pages_once


def _own_text(page: Path) -> str:
    """The page without the scripts, of which plotly.js is one."""
    return re.sub(r"<script.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def _embedded(page: Path) -> dict[str, Any]:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', text)
    assert found is not None
    return dict(json.loads(found[1]))


def test_the_verdict_comes_first_and_sections_follow_in_order(pages: Pages) -> None:
    text = _own_text(pages.after)
    answer = stored_answer(Store(load_study(pages.path), create=False))
    assert answer is not None
    parts = [
        answer["verdict"]["sentence"].split(":")[0],
        "Forecast against actual</h2>",
        "Against baselines</h2>",
        "How the search went</h2>",
        "Inputs</h2>",
        "Date shifts</h2>",
        "Learning curves</h2>",
        "How sure is this?</h2>",
        "To repeat it</h2>",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_before_evaluate_it_shows_validation_only_and_says_so(pages: Pages) -> None:
    text = _own_text(pages.before)
    assert "Not evaluated yet: validation only." in text
    assert "is still closed" in text
    assert "Forecast against actual" not in text
    assert not any(name.startswith(("forecast", "seed")) for name in _embedded(pages.before))


def test_the_report_does_not_open_the_locked_test(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("the report opened the test")

    monkeypatch.setattr(evaluation, "_compare", opened)
    attributes = dict(Store(load_study(pages.path), create=False).study.user_attrs)
    render(collect(load_study(pages.path)))
    assert Store(load_study(pages.path), create=False).study.user_attrs == attributes


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["level", "direction"])
def test_levels_and_directions_are_reported_too(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    patch_workers(monkeypatch)
    path = write_study(tmp_path, study={"trials": 3}, data={"predict": kind})
    search_inline(path)
    evaluate(load_study(path), top=1, seeds=1, say=quiet)
    found = _embedded(report(load_study(path)))
    names = {"level": {"forecast_prices", "forecast_moves"}, "direction": {"forecast_probability"}}
    assert {name for name in found if name.startswith("forecast")} == names[kind]
    if kind == "level":
        reach = found["forecast_moves"]["layout"]["xaxis"]["range"][1]
        assert 0 < reach < 20, "moves in percent"


def test_names_of_columns_are_escaped_everywhere(pages: Pages) -> None:
    for page in (pages.before, pages.after):
        text = page.read_text(encoding="utf-8")
        assert NASTY not in text
        assert "<b>bold</b>" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in _own_text(page)
        labels = json.dumps(_embedded(page)["ranking"]["data"][0]["y"])
        assert "&lt;script&gt;" in labels, "plotly reads HTML in labels"
        assert "<script>" not in labels


def test_the_page_is_one_file_of_five_megabytes(pages: Pages) -> None:
    text = _own_text(pages.after)
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)
    assert pages.after.stat().st_size < 7e6
    assert "default-src 'none'" in text


def test_it_says_how_to_repeat_the_search(pages: Pages) -> None:
    text = _own_text(pages.after)
    data = Store(load_study(pages.path), create=False).study.user_attrs["data"]
    assert data["hash"] in text
    assert "path = &#34;prices.csv&#34;" in text
    assert str(pages.path.parent) not in text, "folders are nobody's business"
    for package in ("torch", "optuna", "rnnsearch"):
        assert f'<th scope="row">{package}</th>' in text


def test_every_number_of_the_table_is_in_the_page(pages: Pages) -> None:
    answer = stored_answer(Store(load_study(pages.path), create=False))
    assert answer is not None
    text = _own_text(pages.after)
    for row in answer["table"]:
        for name, value in row.items():
            if name != "forecast" and value is not None:
                assert f'data-value="{value}"' in text, (row["forecast"], name)


def test_a_report_is_written_in_under_five_seconds(pages: Pages) -> None:
    study = load_study(pages.path)
    began = time.process_time()
    report(study)
    assert time.process_time() - began < 5


def test_a_study_without_a_complete_trial_has_no_report(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_study(tmp_path)
    Store(load_study(path))
    with pytest.raises(NoTrialError, match="no trial was completed, so there is nothing to report"):
        report(load_study(path))
    assert not (home / "small.html").exists()
    assert publish_report(load_study(path), notice=pytest.fail) is False


@pytest.mark.slow
def test_the_command_prints_the_path_and_fails_with_5_without_a_trial(
    pages: Pages, tmp_path: Path
) -> None:
    code, out, _ = run("report", pages.path, RNNSEARCH_HOME=str(pages.home))
    assert (code, out.strip()) == (0, str(pages.after))
    path = write_study(tmp_path)
    code, _, err = run("report", path, RNNSEARCH_HOME=str(tmp_path / "runs"))
    assert (code, "there is no study yet" in err) == (4, True), err


def test_a_changed_study_file_is_reported_as_it_was_searched(pages: Pages, tmp_path: Path) -> None:
    for file in (pages.path, pages.path.with_name("prices.csv")):
        shutil.copy(file, tmp_path)
    path = tmp_path / pages.path.name
    path.write_text(path.read_text().replace("[data]", '[data]\npredict = "level"'))
    facts = collect(load_study(path))
    assert facts.notes[0].startswith("The study file has changed since the search")
    assert facts.study.data.predict == "log_return"
    assert facts.study.fingerprint() == load_study(pages.path).fingerprint()
    assert facts.problem is not None, "the data are the same"


def test_changed_data_are_pointed_out_and_the_rest_is_still_told(
    pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in (pages.path, pages.path.with_name("prices.csv")):
        shutil.copy(file, tmp_path)
    prices = pd.read_csv(tmp_path / "prices.csv")
    prices.loc[299, "Close"] *= 2
    prices.to_csv(tmp_path / "prices.csv", index=False)
    facts = collect(load_study(tmp_path / pages.path.name))
    assert any("have changed since the search" in note for note in facts.notes)
    assert "have changed since the search" in render(facts)
    (tmp_path / "prices.csv").unlink()
    facts = collect(load_study(tmp_path / pages.path.name))
    assert any("cannot be read now" in note for note in facts.notes)
    assert facts.inputs


def test_an_older_evaluation_is_pointed_out(
    pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "runs"
    shutil.copytree(pages.home, home)
    monkeypatch.setenv("RNNSEARCH_HOME", str(home))
    patch_workers(monkeypatch)
    search_inline(pages.path, "13")
    assert any("12 trials then, 13 now" in note for note in collect(load_study(pages.path)).notes)


def artifacts(path: Path, folder: str | None = None) -> list[str]:
    """What the parent run of a study has."""
    from mlflow import MlflowClient

    parents, _ = runs_of(path)
    client = MlflowClient(tracking_uri(load_study(path)))
    return [item.path for item in client.list_artifacts(parents[0].info.run_id, folder)]


def test_the_report_and_images_are_on_the_parent_run(pages: Pages) -> None:
    study = load_study(pages.path)
    assert publish_report(study, notice=pytest.fail)
    assert publish_report(study, notice=pytest.fail), "twice is no harm"
    assert {"report.html", "inputs.json"} <= set(artifacts(pages.path))
    images = {"best_so_far", "parameter_importance", "inputs", "date_shifts"}
    images |= {"permutation_importance", "ranking"}
    assert set(artifacts(pages.path, "plots")) == {f"plots/{name}.svg" for name in images}


def test_images_are_there_after_a_search_unless_mlflow_lacks_trials(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch_workers(monkeypatch)
    path = write_study(tmp_path)
    search_inline(path, "3")
    study = load_study(path)
    store = Store(study, create=False)
    assert publish_plots(study, store, notice=pytest.fail)
    assert "plots/best_so_far.svg" in artifacts(path, "plots")
    elsewhere = load_study(path, run__tracking="http://127.0.0.1:9")  # nothing listens there
    assert not publish_plots(elsewhere, store, notice=pytest.fail)


def test_an_mlflow_that_does_not_answer_is_told_and_not_raised(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(pages.path, run__tracking="http://user:secret@127.0.0.1:9")
    notices: list[str] = []
    assert publish_report(study, notice=notices.append) is False
    assert "MLflow did not take the report" in notices[0]
    assert "secret" not in notices[0]


def test_status_tells_inputs_shifts_and_importance(pages: Pages) -> None:
    study = load_study(pages.path)
    facts = json.loads(json.dumps(status(study, Store(study, create=False)), allow_nan=False))
    assert {one["input"] for one in facts["inputs"]} >= {"return", NASTY}
    assert sum(cell["trials"] for cell in facts["shifts"]["all inputs"]) == 12 - facts["duplicates"]
    assert sum(facts["importance"]["parameters"].values()) == pytest.approx(1)


# --- in a browser -------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: f"{size[0]}px")
def window(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Browser, int]]:
    width, height = request.param
    with browser(width, height, tmp_path_factory.mktemp("profile")) as opened:
        yield opened, width


def _open(tab: Browser, page: Path) -> None:
    tab.open(page)
    tab.wait_for("return document.documentElement.dataset.drawn")


@pytest.mark.browser
@pytest.mark.parametrize("page", ["before", "after"])
def test_the_page_opens_from_disk_without_network_or_errors(
    pages: Pages, window: tuple[Browser, int], page: str
) -> None:
    tab, width = window
    _open(tab, getattr(pages, page))
    assert tab.log("browser") == []
    requests = tab.requests()
    assert requests
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    wide, inside = tab.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert inside == width
    assert wide <= inside, "the page scrolls sideways"


@pytest.mark.browser
def test_every_plot_is_drawn_and_fits(pages: Pages, window: tuple[Browser, int]) -> None:
    tab, _ = window
    _open(tab, pages.after)
    drawn = tab.run(
        "return plots.map(plot => [plot.dataset.figure,"
        " plot.querySelectorAll('.trace path, .heatmaplayer image').length,"
        " plot.querySelector('.main-svg').getBoundingClientRect().width,"
        " plot.parentElement.clientWidth])"
    )
    assert {name for name, *_ in drawn} == set(_embedded(pages.after))
    for name, layers, svg, room in drawn:
        assert layers > 0, name
        if name != "parallel_coordinates":  # it scrolls on its own on a telephone
            assert svg <= room + 1, name


@pytest.mark.browser
def test_a_nasty_column_name_is_shown_as_it_is(pages: Pages, window: tuple[Browser, int]) -> None:
    tab, _ = window
    _open(tab, pages.after)
    labels = tab.run(
        "return [...document.querySelectorAll('#plot-ranking .ytick text')].map(t => t.textContent)"
    )
    assert any(NASTY[:20] in label for label in labels), labels
    assert tab.run("return document.querySelectorAll('#table-inputs script, .plot b').length") == 0


@pytest.mark.browser
def test_a_table_is_sorted_by_a_press_on_its_heading(
    pages: Pages, window: tuple[Browser, int]
) -> None:
    tab, _ = window
    _open(tab, pages.after)
    press = "document.querySelectorAll('#table-baselines thead button')[{}].click();"
    read = (
        "return [...document.querySelectorAll('#table-baselines tbody tr')]"
        ".map(r => r.cells[{}].dataset.value)"
    )
    skills = [float(value) for value in tab.run(press.format(1) + read.format(1))]
    assert skills == sorted(skills, reverse=True)
    skills = [float(value) for value in tab.run(press.format(1) + read.format(1))]
    assert skills == sorted(skills)
    names = tab.run(press.format(0) + read.format(0))
    assert names == sorted(names)
    sorts = "return [...document.querySelectorAll('#table-baselines th[aria-sort]')].length"
    assert tab.run(sorts) == 1


@pytest.mark.browser
def test_zooming_in_time_fits_the_price_axis(pages: Pages, window: tuple[Browser, int]) -> None:
    tab, _ = window
    _open(tab, pages.after)
    height = (
        "const a = document.getElementById('plot-forecast_prices').layout.yaxis.range;"
        "return a[1] - a[0]"
    )
    zoom = "Plotly.relayout('plot-forecast_prices', {{'xaxis.range': [{}]}});"
    dates = json.dumps(_embedded(pages.after)["forecast_prices"]["data"][2]["x"])
    tab.run(f"const d = {dates};" + zoom.format("d[0], d[d.length - 1]"))
    whole = tab.wait_for(height)
    tab.run(f"const d = {dates};" + zoom.format("d[0], d[4]"))
    tab.wait_for(height.replace("return a[1] - a[0]", f"return a[1] - a[0] < {whole}"))


@pytest.mark.browser
def test_plots_shrink_to_the_paper_and_grow_back(pages: Pages, tmp_path: Path) -> None:
    with browser(1280, 900, tmp_path / "profile") as tab:
        _open(tab, pages.after)
        width = "return Number(document.querySelector('.plot .main-svg').getAttribute('width'))"
        before = tab.run(width)
        tab.run("window.paper = []; addEventListener('beforeprint', () => paper.push(0))")
        tab.run("dispatchEvent(new Event('beforeprint'))")
        tab.wait_for(f"{width} < 700")
        tab.run("dispatchEvent(new Event('afterprint'))")
        tab.wait_for(f"{width} === {before}")
        assert tab.command("Page.printToPDF")["data"]
        assert tab.run("return paper.length") == 2, "printing tells the page"

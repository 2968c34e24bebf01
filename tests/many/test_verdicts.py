"""All series evaluated, told and forecast: corrected for their number, and each opened once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import home, load_study
from rnnsearch.many.family import Family, family_of
from rnnsearch.many.predicting import gathered
from rnnsearch.many.verdicts import collect, evaluate_all
from rnnsearch.search.store.store import Store
from rnnsearch.tracking import PARENT, TRIAL
from rnnsearch.verdict.answers import among, stored_answer
from tests.helpers.many import walk, write_files
from tests.helpers.searches import run, runs_of_study, write_study

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("many")]  # searched once

Command = Callable[..., tuple[int, str, str]]

SPACE = {"cell": "gru", "neurons": 4, "window": 3, "output_shift": 1, "epochs": 8}
SPACE |= {"learning_rate": 0.01, "batch_size": 32}


def planted(seed: int, rows: int = 420) -> pd.Series:
    """Prices whose returns go on: each is two thirds of the one before, and chance."""
    chance = np.random.default_rng(seed).normal(0, 0.01, rows)
    steps = np.zeros(rows)
    for row in range(1, rows):
        steps[row] = 0.66 * steps[row - 1] + chance[row]
    dates = pd.bdate_range("2020-01-01", periods=rows, name="Date")
    return pd.Series(100 * np.exp(np.cumsum(steps)), index=dates, name="Close").round(4)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, _kernels: None) -> Iterator[Path]:
    """A study of three series, of which `GOES` has a signal, and `NEW` is not searched."""
    folder = tmp_path_factory.mktemp("many")
    write_files(folder / "prices", {"GOES": planted(1), "WALKS": walk(2, 420)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNSEARCH_HOME", str(folder / "runs"))
        path = write_study(
            folder,
            "stocks",
            data={"path": "prices/*.csv"},
            study={"trials": 2, "references": False},
            space=SPACE,
            split={"test": 0.4, "folds": 1},
            inputs={"search": "all"},
        )
        for command in (["search", path, "--quiet"], ["evaluate", path, "--seeds=1", "--top=1"]):
            code, _, err = run(*command)
            assert code == 0, err
        yield path


@pytest.fixture
def family(study: Path) -> Family:
    found = family_of(load_study(study))
    assert found is not None
    return found


def test_all_are_evaluated_once_and_told_in_one_table(
    study: Path, family: Family, rnnsearch: Command
) -> None:
    assert rnnsearch("search", study, "--quiet")[0] == 0
    code, out, err = rnnsearch("evaluate", study, "--seeds", "1", "--top", "1", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert {row["series"]: row["verdict"] == "better" for row in told["series"]} == {
        "GOES": True,
        "WALKS": False,
    }
    assert told["at_least_one"]["better"] < 0.01
    assert "1 is better than doing nothing (GOES)" in told["sentence"]
    first, _second = told["series"]
    assert first["listed_better"] == pytest.approx(
        min(1, 2 * max(first["p_better"], first["p_information"]))
    )
    code, again, err = rnnsearch("evaluate", study, "--seeds", "1", "--top", "1", "--json")
    assert json.loads(again) == told
    page = home() / "stocks.html"
    assert 'lang="en"' in page.read_text(encoding="utf-8")
    code, again, err = rnnsearch(
        "--language", "zh-TW", "evaluate", study, "--seeds", "1", "--top", "1", "--json"
    )
    assert json.loads(again) == told, "programs read English"
    for one in (page, home() / "stocks.GOES.html"):
        assert 'lang="zh-TW"' in one.read_text(encoding="utf-8"), "people read their own"
    assert [Store(one.study, create=False).openings for one in family.members] == [1, 1]


def test_one_alone_is_corrected_for_all_that_were_opened(study: Path, rnnsearch: Command) -> None:
    code, out, err = rnnsearch("evaluate", study, "--series", "goes", "--seeds", "1")
    assert code == 0, err
    assert "Better than doing nothing: corrected over 2 series" in " ".join(out.split())


def test_the_corrected_verdict_is_told_wherever_the_study_of_a_series_is(
    study: Path, family: Family, rnnsearch: Command
) -> None:
    code, out, err = rnnsearch("list", "--json")
    assert code == 0, err
    goes = next(one for one in json.loads(out)["studies"] if one["study"] == "stocks.GOES")
    assert goes["evaluated"]["verdict"] == "Better than doing nothing"
    answer = stored_answer(Store(family.members[0].study, create=False))
    assert answer is not None
    assert "corrected over 2 series" in answer["verdict"]["sentence"]
    assert answer["among"]["alone"].startswith("Better than doing nothing: on ")


def test_a_verdict_that_does_not_hold_among_all_is_not_told_as_if_it_did() -> None:
    alone = {"better": True, "informative": True, "p": 0.04, "sentence": "Better: by itself."}
    noted = {"kind": "not distinguishable", "count": 30}
    noted |= {"listed_informative": 0.9, "listed_better": 0.9}
    told = among({"verdict": alone}, noted)
    assert not told["verdict"]["better"]
    assert not told["verdict"]["informative"]
    assert told["verdict"]["sentence"].startswith("Not distinguishable from doing nothing: ")
    assert told["verdict"]["sentence"].endswith("Alone it would read: Better: by itself.")
    assert among(told, noted) == told


def test_a_new_series_is_told_as_not_evaluated_and_not_corrected_for(
    study: Path, rnnsearch: Command
) -> None:
    file = study.parent / "prices" / "NEW.csv"
    file.write_text((study.parent / "prices" / "WALKS.csv").read_text())
    try:
        found = family_of(load_study(study))
        assert found is not None
        verdicts = collect(found)
        assert {one.series: why for one, why in verdicts.missing.items()} == {
            "NEW": "not evaluated"
        }
        assert len(verdicts.among) == 2
        said: list[str] = []
        evaluate_all(found, said.append, seeds=1, top=1)
        assert any("NEW (2 of 3): " in text for text in said)
        code, _out, err = rnnsearch("predict", study)
        assert (code, "NEW: " in err) == (0, True), err
    finally:
        file.unlink()


def test_the_page_of_all_links_to_that_of_each_with_the_corrected_verdict(
    study: Path, family: Family, rnnsearch: Command
) -> None:
    code, _out, err = rnnsearch("report", study)
    assert code == 0, err
    home = study.parent / "runs"
    index = (home / "stocks.html").read_text()
    assert 'href="./stocks.GOES.html"' in index
    assert "Corrected over 2 series" in (home / "stocks.GOES.html").read_text()


def test_mlflow_has_a_run_above_the_parent_runs_with_the_table(study: Path, family: Family) -> None:
    from mlflow import MlflowClient

    from rnnsearch.search.store.records import tracking_uri

    client = MlflowClient(tracking_uri(family.study))
    above = set()
    for member in family.members:
        (parent,), children = runs_of_study(member.study)
        above.add(parent.data.tags[PARENT])
        assert {child.data.tags[PARENT] for child in children} == {parent.info.run_id}
    (one,) = above
    run = client.get_run(one)
    assert (run.data.tags[TRIAL], run.info.status) == ("many", "FINISHED")
    assert run.data.metrics["series_better"] == 1
    names = {file.path for file in client.list_artifacts(one)}
    assert names == {"leaderboard.html", "leaderboard.csv", "leaderboard.json"}


@pytest.mark.parametrize("ending", [".csv", ".json", ".parquet"])
def test_all_forecasts_are_one_table(
    study: Path, tmp_path: Path, rnnsearch: Command, ending: str
) -> None:
    file = tmp_path / f"forecasts{ending}"
    code, out, err = rnnsearch("predict", study, "--export", file, "--json")
    assert code == 0, err
    read = {".csv": pd.read_csv, ".json": pd.read_json, ".parquet": pd.read_parquet}[ending]
    frame = read(file)  # type: ignore[operator]
    assert list(frame["series"]) == ["GOES", "WALKS"]
    assert frame["verdict"][0] == "better"
    assert len(json.loads(out)["forecasts"]) == 2


def test_newer_prices_are_given_as_the_study_has_them(
    study: Path, tmp_path: Path, rnnsearch: Command
) -> None:
    write_files(tmp_path / "newer", {"GOES": planted(1, 430)})
    code, out, err = rnnsearch("predict", study, "--data", tmp_path / "newer", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert [row["series"] for row in told["forecasts"]] == ["GOES"]
    assert told["forecasts"][0]["origin_date"][:10] == f"{planted(1, 430).index[-1]:%Y-%m-%d}"
    assert "no series of this name" in told["missing"]["WALKS"]
    code, _, err = rnnsearch("predict", study, "--data", tmp_path / "newer" / "GOES.csv")
    assert (code, "newer prices are given so too, as '*.csv'" in err) == (2, True), err
    assert "a file of one series goes with --series that names it" in err
    one = ("--series", "GOES", "--data", tmp_path / "newer" / "GOES.csv")  # as it says
    code, out, err = rnnsearch("predict", study, *one, "--json")
    assert (code, json.loads(out)["forecasts"]) == (0, told["forecasts"]), err
    code, out, err = rnnsearch("refit", study, "--data", tmp_path / "newer" / "*.csv")
    assert (code, "GOES: trial" in out) == (0, True), err


def test_a_series_that_was_never_searched_is_told_so_and_not_which_studies_there_are(
    study: Path, rnnsearch: Command
) -> None:
    bad = study.parent / "prices" / "BAD.csv"
    bad.write_text("hello,world\n1,2\n")
    try:
        for command in (("predict", "--json"), ("refit",)):
            code, out, err = rnnsearch(command[0], study, *command[1:])
            assert code == 0, err
            assert "BAD: no search of it has begun; where it cannot be used" in err
            assert "there are:" not in err
            if "--json" in command:
                assert json.loads(out)["missing"]["BAD"].startswith("no search of it has begun")
        code, _, err = rnnsearch("search", study, "--quiet")  # which says why
        assert (code, "BAD.csv: there is no date column" in err) == (3, True), err
    finally:
        bad.unlink()


def test_an_ending_that_no_table_has_is_refused_before_anything_is_done(
    study: Path, rnnsearch: Command
) -> None:
    code, _, err = rnnsearch("predict", study, "--export", "forecasts.txt")
    assert (code, "change the ending" in err) == (2, True), err


def test_what_is_remarked_of_many_series_alike_is_told_once() -> None:
    old = "the weights were trained on rows until {}, and the 9 sessions since are 20 % of all"
    notes = {f"T{n}": [old.format(f"2022-03-{n}"), "no date"] for n in range(10, 15)}
    told = gathered(notes | {"T15": ["another"]}, "stocks")
    assert told == [
        "T10, T11, T12 and 2 more: the weights know nothing of the newest sessions, a tenth or "
        "more of all; `rnnsearch refit stocks` trains them on all rows",
        "T10, T11, T12 and 2 more: no date",
        "T15: another",
    ]

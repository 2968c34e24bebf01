"""The report: what it says, that it is safe, and that a browser shows it."""

import html
import json
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import NoTrialError
from rnnsearch.publish.page import publish_report
from rnnsearch.report.captions import pictures
from rnnsearch.report.page import _near, collect, render, report
from rnnsearch.search.store.store import Store
from rnnsearch.terminal.evaluated import evaluation_tables
from rnnsearch.verdict import evaluation
from rnnsearch.verdict.answers import stored_answer
from rnnsearch.verdict.evaluation import evaluate
from tests.helpers.evaluated import quiet, search_inline
from tests.helpers.reported import NASTY, Pages, embedded
from tests.helpers.searches import run, write_study

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("report")]  # made once


def _own_text(page: Path) -> str:
    """The page without the scripts, of which plotly.js is one."""
    return re.sub(r"<script.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


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
    assert not any(name.startswith(("forecast", "seed")) for name in embedded(pages.before))


def test_the_report_does_not_open_the_locked_test(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("the report opened the test")

    monkeypatch.setattr(evaluation, "compare", opened)
    attributes = dict(Store(load_study(pages.path), create=False).notes())
    render(collect(load_study(pages.path)))
    assert Store(load_study(pages.path), create=False).notes() == attributes


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["level", "direction"])
def test_levels_and_directions_are_reported_too(tmp_path: Path, home: Path, kind: str) -> None:
    path = write_study(tmp_path, study={"trials": 3}, data={"predict": kind})
    search_inline(path)
    evaluate(load_study(path), top=1, seeds=1, say=quiet)
    found = embedded(report(load_study(path)))
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
        labels = json.dumps(embedded(page)["ranking"]["data"][0]["y"])
        assert "&lt;script&gt;" in labels, "plotly reads HTML in labels"
        assert "<script>" not in labels


def test_the_page_is_one_file_of_five_megabytes(pages: Pages) -> None:
    text = _own_text(pages.after)
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)
    assert pages.after.stat().st_size < 7e6
    assert "default-src 'none'" in text


def test_it_says_how_to_repeat_the_search(pages: Pages) -> None:
    text = _own_text(pages.after)
    data = Store(load_study(pages.path), create=False).data
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


def test_shifts_are_compared_in_a_table_and_a_picture_with_a_note_where_few(pages: Pages) -> None:
    text = _own_text(pages.after)
    found = r"<h3>By input shift</h3>\s*<div class=.scroll.><table(.*?)<h3>"
    (table,) = re.findall(found, text, re.S)
    assert '<th scope="row" data-value="0">0</th>' in table
    assert "Thin, fewer than 10 complete trials" in table
    assert "compared_input_shift" in embedded(pages.after)


def test_intervals_are_told_quarter_by_quarter_and_the_band_breathes(pages: Pages) -> None:
    answer = stored_answer(Store(load_study(pages.path), create=False))
    assert answer is not None
    text = _own_text(pages.after)
    table = text.partition('id="table-intervals"')[2].partition("</table>")[0]
    for quarter in answer["interval"]["quarters"]:
        assert quarter["first"] in table
        assert f'data-value="{quarter["share"]}"' in table
    assert "% of the price wide on average" in text
    (prices, *_) = pictures(collect(load_study(pages.path)))["forecast"]
    low, high = (np.asarray(edge.y) for edge in prices.figure.data[:2])
    assert np.ptp(np.log(high / low)) > 0.001


def test_an_evaluation_of_an_earlier_version_keeps_its_constant_interval(pages: Pages) -> None:
    facts = collect(load_study(pages.path))
    assert facts.evaluation is not None
    earlier = {"radius": 0.02, "share": 0.85, "promised": 0.9, "rows": 44}
    answer = facts.evaluation | {"interval": earlier}
    page = render(replace(facts, evaluation=answer))
    assert "held 85.0 %. They are as wide on every session" in page
    assert "table-intervals" not in page
    lines = [line for line in evaluation_tables(answer) if isinstance(line, str)]
    assert any("as an earlier version made them" in line for line in lines)


def test_a_report_is_written_in_under_five_seconds(pages: Pages) -> None:
    study = load_study(pages.path)
    began = time.process_time()
    report(study)
    assert time.process_time() - began < 5


def test_a_study_without_a_complete_trial_has_no_report(tmp_path: Path, home: Path) -> None:
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
    assert "`rnnsearch search small --fork NAME`" in facts.notes[0]
    assert facts.study.data.predict == "log_return"
    assert facts.study.fingerprint() == load_study(pages.path).fingerprint()
    assert facts.problem is not None, "the data are the same"


def test_changed_data_are_pointed_out_and_the_rest_is_still_told(
    pages: Pages, tmp_path: Path
) -> None:
    for file in (pages.path, pages.path.with_name("prices.csv")):
        shutil.copy(file, tmp_path)
    prices = pd.read_csv(tmp_path / "prices.csv")
    prices.loc[299, "Close"] *= 2
    prices.to_csv(tmp_path / "prices.csv", index=False)
    facts = collect(load_study(tmp_path / pages.path.name))
    assert any("have changed since the search" in note for note in facts.notes)
    assert "have changed since the search" in render(facts)
    pd.concat([prices, prices.tail(1).assign(Date="2021-03-01")]).to_csv(
        tmp_path / "prices.csv", index=False
    )
    (note,) = collect(load_study(tmp_path / pages.path.name)).notes
    assert "Then there were 300 rows from 2020-01-01 to 2021-02-23, now 301 rows" in note
    assert "to 2021-03-01" in note
    assert "begin a new study with what still applies: `rnnsearch search small --fork NAME`" in note
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
    search_inline(pages.path, "13")
    assert any("12 trials then, 13 now" in note for note in collect(load_study(pages.path)).notes)


def test_to_repeat_it_what_the_page_shows_is_a_study_file_that_works(
    pages: Pages, tmp_path: Path
) -> None:
    (shown, typed) = re.findall(r"<pre><code>(.*?)</code></pre>", _own_text(pages.after), re.S)
    path = tmp_path / "small.toml"
    path.write_text(html.unescape(shown), encoding="utf-8")
    shutil.copy(pages.path.with_name("prices.csv"), tmp_path)
    again, study = load_study(path), load_study(pages.path)
    assert again.fingerprint() == study.fingerprint()
    assert again.study.seed == study.study.seed
    assert again.data.path is not None
    assert again.data.path.is_file()
    assert f"rnnsearch search {path.name}" in typed


def test_a_path_is_told_from_the_study_file_and_folders_far_away_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "studies"
    assert _near(str(tmp_path / "data" / "a.csv"), folder) == "../data/a.csv"
    assert _near(str(folder / "a.csv"), folder) == "a.csv"
    assert _near("/elsewhere/of/mine/a.csv", folder) == "a.csv"


def test_numbers_of_a_column_have_equal_decimals(pages: Pages) -> None:
    text = _own_text(pages.after)
    for table in ("table-baselines", "table-trials"):
        body = text.partition(f'id="{table}"')[2].partition("</table>")[0].partition("<tbody>")[2]
        rows = [re.findall(r'<td class="number"[^>]*>([^<]*)</td>', r) for r in body.split("</tr>")]
        for column in zip(*(row for row in rows if row), strict=True):
            decimals = {len(c.split()[0].partition(".")[2]) for c in column if c not in ("–", "")}
            assert len(decimals) <= 1, (table, column)


def test_the_table_of_trials_says_how_many_of_how_many(pages: Pages) -> None:
    assert "<h3>All 12 complete trials, on validation rows</h3>" in _own_text(pages.after)


def test_no_answer_can_be_read_as_if_something_were_hidden(pages: Pages) -> None:
    text = _own_text(pages.after)
    assert "Not shown" not in text
    assert "Cannot be told from chance, p" in text

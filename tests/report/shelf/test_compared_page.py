"""Studies beside each other as a page."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnsearch.report.shelf.page import render
from tests.helpers.browser import browser
from tests.helpers.evaluated import search_inline
from tests.helpers.searches import write_study

pytestmark = pytest.mark.slow

Result = tuple[int, str, str]


@pytest.fixture
def studies(tmp_path: Path, home: Path) -> list[Path]:
    one = write_study(tmp_path, "one", study={"trials": 2})
    two = write_study(tmp_path, "two", study={"trials": 2}, space={"neurons": 3})
    for path in (one, two):
        search_inline(path)
    return [one, two]


def test_a_page_tells_what_each_found_and_the_settings_that_differ(
    studies: list[Path], home: Path, tmp_path: Path, rnnsearch: Callable[..., Result]
) -> None:
    (home / "one.html").write_text("the page of one")
    page = tmp_path / "both.html"
    code, out, err = rnnsearch("compare", *studies, "--page", page)
    assert (code, f"written: {page}" in out) == (0, True), err
    text = page.read_text(encoding="utf-8")
    assert re.search(r'<a href="runs/one\.html">one</a>', text)
    assert '<th scope="row">space.neurons</th><td>[2, 4]</td><td>3</td>' in text
    assert "not evaluated" in text
    assert "has the best trial, with a gain of" in text
    with browser(1048, 800, tmp_path / "profile") as tab:
        tab.open(page)
        assert tab.run("return document.documentElement.scrollWidth <= innerWidth")
        sorts = "document.querySelectorAll('#studies thead button')[3].click();"
        rows = "[...document.querySelectorAll('#studies tbody tr')]"
        read = f"return {rows}.map(r => r.cells[3].dataset.value)"
        skills = [float(value) for value in tab.run(sorts + read)]
        assert skills == sorted(skills, reverse=True)
        tab.run("document.getElementById('theme').click()")
        colour = "return getComputedStyle(document.body).backgroundColor"
        assert tab.run(colour) == "rgb(22, 25, 29)"
        assert tab.log("browser") == []


def test_a_page_ends_with_html(studies: list[Path], rnnsearch: Callable[..., Result]) -> None:
    code, _, err = rnnsearch("compare", *studies, "--page", "both.txt")
    assert code == 2
    assert "--page: a page is a file that ends with .html" in err
    assert "both.html" in err


def test_of_other_rows_no_study_is_called_the_best(tmp_path: Path) -> None:
    row = {
        "study": "<b>a</b>",
        "data": {"name": None, "first": None, "last": None},
        "finished": 0,
        "target_trials": 1,
        "best": None,
        "evaluated": None,
    }
    told = {"studies": [row, row], "settings": {}, "comparable": False, "notes": []}
    text = render(told, tmp_path)
    assert "their skills cannot be compared" in text
    assert "<b>a</b>" not in text
    assert "None of these" in render(told | {"comparable": True}, tmp_path)

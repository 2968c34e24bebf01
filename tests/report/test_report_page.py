"""The report in a browser: drawn, safe, and of use on any screen."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.browser import Browser, browser
from tests.helpers.reported import NASTY, Pages, embedded

pytestmark = pytest.mark.xdist_group("report")  # made once

SIZES = ((360, 740), (1280, 900))


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
    assert {name for name, *_ in drawn} == set(embedded(pages.after))
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
    dates = json.dumps(embedded(pages.after)["forecast_prices"]["data"][2]["x"])
    tab.run(f"const d = {dates};" + zoom.format("d[0], d[d.length - 1]"))
    whole = tab.wait_for(height)
    tab.run(f"const d = {dates};" + zoom.format("d[0], d[4]"))
    tab.wait_for(height.replace("return a[1] - a[0]", f"return a[1] - a[0] < {whole}"))

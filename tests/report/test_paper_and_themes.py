"""The page on paper, in the dark, and by keyboard: in a browser."""

import base64
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.browser import Browser, browser
from tests.helpers.reported import Pages, embedded

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("report")]

DARK_PAGE = "rgb(22, 25, 29)"


def _open(tab: Browser, page: Path) -> None:
    tab.open(page)
    tab.wait_for("return document.documentElement.dataset.drawn")


def _ink(pdf: bytes) -> list[float]:
    """Of each sheet, how far down the last thing on it is, as a share of what is inside its
    margins."""
    import pypdfium2

    found = []
    for sheet in pypdfium2.PdfDocument(pdf):
        image = sheet.render(scale=0.5, grayscale=True).to_numpy().squeeze()
        rows = np.flatnonzero((image < 200).any(axis=1))
        margin = 0.05 * len(image)
        found.append((rows[-1] - margin) / (len(image) - 2 * margin) if len(rows) else 0.0)
    return found


def _texts(pdf: bytes) -> str:
    import pypdfium2

    return "\n".join(p.get_textpage().get_text_range() for p in pypdfium2.PdfDocument(pdf))


@pytest.mark.parametrize("drawn", [True, False])
def test_a_print_has_every_chart_and_no_sheet_is_nearly_empty(
    pages: Pages, tmp_path: Path, drawn: bool
) -> None:
    with browser(1280, 900, tmp_path / "profile") as tab:
        if not drawn:  # as a machine prints it that runs no scripts
            tab.command("Emulation.setScriptExecutionDisabled", value=True)
        tab.open(pages.after)
        if drawn:
            tab.wait_for("return document.documentElement.dataset.drawn")
            tab.run("theme.choose('dark')")
        printed = tab.command(
            "Page.printToPDF", paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True
        )
    pdf = base64.b64decode(printed["data"])
    ends = _ink(pdf)
    assert all(end > 0.6 for end in ends[:-1]), ends
    text = _texts(pdf)
    for label in (
        "forecast move, %",
        "skill on the locked test",
        "gain on validation rows",
        "epoch",
    ):
        assert label in text, f"the chart with {label!r} is not on paper"
    assert "Dark" not in text, "buttons are of no use there"


def test_every_plot_has_an_image_and_says_what_it_shows(pages: Pages, tmp_path: Path) -> None:
    with browser(1280, 900, tmp_path / "profile") as tab:
        _open(tab, pages.after)
        seen = tab.run(
            "return plots.map(p => [p.dataset.figure, p.getAttribute('aria-label'),"
            " (i => [i.alt, i.naturalWidth])(p.closest('figure').querySelector('img.still'))])"
        )
    assert {name for name, *_ in seen} == set(embedded(pages.after))
    for name, label, (alt, width) in seen:
        assert label == alt
        assert width > 300, name
        assert any(letter.isdigit() for letter in label), f"{name}: {label}"


def test_a_dark_page_is_dark_all_over_and_remembers_who_chose(pages: Pages, tmp_path: Path) -> None:
    colours = (
        "return [getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.querySelector('.ytick text')).fill]"
    )
    with browser(1280, 900, tmp_path / "profile") as tab:
        _open(tab, pages.after)
        light, letters = tab.run(colours)
        assert (light, letters) == ("rgb(255, 255, 255)", "rgb(34, 34, 34)")
        features = [{"name": "prefers-color-scheme", "value": "dark"}]
        tab.command("Emulation.setEmulatedMedia", features=features)
        tab.wait_for(f"{colours}.join() === '{DARK_PAGE},rgb(232, 234, 237)'")
        tab.run("document.getElementById('theme').click()")
        tab.wait_for(f"{colours}[0] === '{light}'")
        _open(tab, pages.after)
        assert tab.run(colours) == [light, letters], "a choice is remembered"
        assert tab.run("return document.getElementById('theme').textContent") == "Dark"
        tab.run("document.getElementById('theme').click()")
        tab.wait_for(f"{colours}.join() === '{DARK_PAGE},rgb(232, 234, 237)'")
        assert tab.log("browser") == []


def test_the_tab_key_meets_nothing_that_cannot_be_seen(pages: Pages, tmp_path: Path) -> None:
    hidden = """
      const met = [...document.querySelectorAll('a, button, summary, [tabindex]')]
        .filter(e => e.tabIndex >= 0 && !e.hidden && e.checkVisibility());
      return met.filter(e => {
        for (let n = e; n; n = n.parentElement) {
          if (getComputedStyle(n).opacity === '0') return true;
        }
        return e.getBoundingClientRect().width === 0;
      }).map(e => e.className || e.tagName);
    """
    with browser(1280, 900, tmp_path / "profile") as tab:
        _open(tab, pages.after)
        assert tab.run("return document.querySelectorAll('.modebar-btn').length") > 0
        assert tab.run(hidden) == []
        tab.run("document.getElementById('theme').click()")
        tab.wait_for("return document.querySelector('.ytick text').style.fill.includes('232')")
        assert tab.run(hidden) == [], "nor once it was drawn anew"


@pytest.mark.parametrize("width", [1048, 1280])
def test_tables_fit_a_desktop(pages: Pages, tmp_path: Path, width: int) -> None:
    with browser(width, 900, tmp_path / "profile") as tab:
        _open(tab, pages.after)
        wide = tab.run(
            "return [...document.querySelectorAll('#table-baselines, #table-trials')]"
            ".map(t => [t.id, t.offsetWidth, t.parentElement.clientWidth])"
        )
    for name, needs, has in wide:
        assert needs <= has, name

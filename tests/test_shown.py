"""Names are data: whatever a column or a file is called, it is shown as text everywhere."""

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from rich.table import Table

from rnnsearch.config import load_study
from rnnsearch.errors import DataError, StudyFileError, fit_to_show, without_passwords
from rnnsearch.report.facts import collect
from rnnsearch.report.figures.content import contents
from rnnsearch.report.figures.images import as_svg, plots
from rnnsearch.report.page import report
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.records import parent_record
from rnnsearch.shown import code, markdown, printable
from rnnsearch.terminal.tables import Terminal
from tests.helpers.evaluated import command, search_inline
from tests.helpers.searches import write_study

MARKUP = [
    "[red]x[/red]",
    "<script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}",
    "$\\frac{a$",
    "&lt;b&gt;",
]
QUOTES = ["'\"`", "**b** `code` [a](javascript:alert(1))", "]]><svg onload=alert(1)>", "</title>"]
OBEYED = ["\x1b[31mred", "bell\x07", "\u202egnp"]
NAMES = [*MARKUP, *QUOTES, *OBEYED]
FILE = "pri[red]ces `b` <i>&$x$.csv"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("shown")]


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory, _mlflow_database: Path) -> Iterator[Path]:
    """A searched study whose inputs and file have such names."""
    folder = tmp_path_factory.mktemp("named")
    (folder / "runs").mkdir()
    shutil.copy(_mlflow_database, folder / "runs" / "mlflow.db")
    rng = np.random.default_rng(5)
    columns: dict[str, Any] = {
        "Date": pd.bdate_range("2020-01-01", periods=300),
        "Close": 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 300))),
    }
    frame = pd.DataFrame(columns | {name: rng.normal(size=300) for name in NAMES})
    frame.to_csv(folder / FILE, index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNSEARCH_HOME", str(folder / "runs"))
        path = write_study(folder, data={"path": FILE}, inputs={"search": "ranked"})
        search_inline(path)
        yield path


class Page(HTMLParser):
    """The elements of a page and its text, as a browser reads it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_has_names_as_text_and_no_element_of_theirs(named: Path) -> None:
    page = Page(report(load_study(named)).read_text(encoding="utf-8"))
    for name in [*MARKUP, *QUOTES]:
        assert name in page.text, name
    assert "49" not in re.findall(r"\b49\b(?=\{%)", page.text)
    assert not [tag for tag, _ in page.elements if tag in ("svg", "i")]
    assert not [attrs for _, attrs in page.elements if any(key.startswith("on") for key in attrs)]
    assert len([tag for tag, _ in page.elements if tag == "title"]) == 1


def test_images_are_whole_svg_with_names_as_text(named: Path) -> None:
    facts = collect(load_study(named))
    images = plots(contents(facts.trials, facts.inputs, facts.importance))
    assert images
    for image in images.values():
        assert isinstance(image, Figure)
        drawn = ElementTree.fromstring(as_svg(image))
        assert not [e for e in drawn.iter() if e.tag.endswith("script")]


def test_mlflows_description_shows_names_as_they_are(named: Path) -> None:
    problem = Problem.load(load_study(named))
    description = parent_record(problem, "id").description
    assert f"in ``{' ' + FILE + ' '}`` (" in description
    _, *notes = description.split("\n\n")
    for note in notes[1:]:
        assert "<" not in re.sub(r"\\.", "", note)
        assert "`" not in re.sub(r"\\.", "", note)
    assert not any(mark in description for mark in ("\x1b", "\x07", "\u202e"))


@pytest.mark.parametrize("asked", ["check", "inputs", "status", "evaluate", "predict", "report"])
def test_the_terminal_obeys_no_name(
    named: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], asked: str
) -> None:
    if asked == "predict":  # of a champion, whichever of these tests comes first
        assert command(monkeypatch, "evaluate", named) == 0
    assert command(monkeypatch, asked, named) == 0
    said = capsys.readouterr()
    shown = said.out + said.err
    assert not any(mark in shown for mark in ("\x1b", "\x07", "\u202e"))
    if asked == "inputs":
        for name in [*MARKUP, *QUOTES, "[31mred", "bell", "gnp"]:
            assert name in shown


def test_an_error_about_a_file_does_not_colour_the_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "\x1b[31m\u202e.csv"
    file.write_text("Date,Close\n2020-01-02,1\n2020-01-02,2\n")
    assert command(monkeypatch, "init", file) == 3
    err = capsys.readouterr().err
    assert "\\x1b[31m\\u202e.csv" in err
    assert "\x1b" not in err


def test_a_terminal_keeps_its_own_colours_and_writes_out_those_of_others() -> None:
    screen = Terminal(file=StringIO(), force_terminal=True, color_system="standard", width=60)
    table = Table("[b]x")
    table.add_row("\x1b[31mred", style="green")
    screen.print(table)
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "\\x1b[31mred" in shown
    assert "\x1b[32m" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, 收盤 and é\n\tas it is", "plain, 收盤 and é\n\tas it is"),
        ("\x1b[2J\x9b1m", "\\x1b[2J\\x9b1m"),
        ("a\rb\x00", "a\\x0db\\x00"),
        ("\u2066\u2028\udcff", "\\u2066\\u2028\\udcff"),
    ],
)
def test_what_a_screen_would_obey_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    printable(text).encode("utf-8")


def test_markdown_shows_any_text_as_it_is() -> None:
    assert code("plain") == "`plain`"
    assert code("a`b``c") == "``` a`b``c ```"
    assert code("two\nlines") == "`two lines`"
    assert markdown("*a* <b> [c](d)\n# e") == "\\*a\\* \\<b\\> \\[c\\](d) # e"


def test_an_error_cuts_what_nobody_reads_and_keeps_its_remedy() -> None:
    told = str(DataError(f"the study's file: row 9 is '{'9' * 10**6}'; remove the row."))
    assert told == f"the study's file: row 9 is '{'9' * 200}…'; remove the row."
    told = str(DataError(f"there is {'x' * 10**6} there; remove it."))
    assert told == f"there is {'x' * 200}… there; remove it."
    told = str(DataError(f"one of {', '.join(map(str, range(10**5)))}; choose one."))
    assert len(told) < 1900
    assert told.endswith("; choose one.")
    plain = "the study's store is not the driver's: " + "a word and " * 30 + "it's the user's"
    assert str(DataError(plain)) == plain


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("got 'postgresql://me:secret@host'", "got 'postgresql://me:***@host'"),
        ("got 'postgresql://me:a/b:secret@host'", "got 'postgresql://me:***@host'"),
        ("me:secret@host/db, row 2", "me:***@host/db, row 2"),
        ("me:secret@host:5432 or 'x:secret@db.example'", "me:***@host:5432 or 'x:***@db.example'"),
        ("me:secret@localhost", "me:***@localhost"),
        ("postgresql:/me:secret@host/db", "postgresql:***@host/db"),
        ("host=db password=secret", "host=db password=***"),
        ("no column 'a:b@c'; the file has 12:30@NYSE", ""),
        ("row 3: 'x' is of me@example.com, 'y:z'", ""),
        ("http://host:5000/a answered nothing@all", ""),
    ],
)  # fmt: skip
def test_passwords_are_hidden_in_what_looks_like_an_address_alone(text: str, seen: str) -> None:
    assert without_passwords(text) == fit_to_show(text) == (seen or text)


def test_an_address_in_a_study_file_is_taken_for_one_however_it_looks(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    for key in ("storage", "tracking"):
        study.write_text(f'[data]\nsample = "sp500"\n[run]\n{key} = ["me:secret@host"]\n')
        with pytest.raises(StudyFileError, match="me:") as refused:
            load_study(study)
        assert "secret" not in str(refused.value)

"""The page in Traditional Chinese: all that is read on it, the figures too; MLflow's is English."""

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes
from mlflow import MlflowClient

from rnnsearch.language import catalogue, in_english, use
from rnnsearch.report.facts import collect
from rnnsearch.report.page import render
from rnnsearch.search.store.records import tracking_uri
from tests.helpers.browser import browser
from tests.helpers.evaluated import Evaluated
from tests.helpers.places import ROOT
from tests.helpers.searches import runs_of
from tests.language.test_language import CHINESE, PAGES, PROSE

SAID = ("_", "html", "counted", "head")
"""What says a text in a template."""


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    use(None)


class Read(HTMLParser):
    """What people read of a page: its texts, and the words of its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.silent = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style", "pre", "code")
        self.texts += [
            str(value) for name, value in attrs if name in ("alt", "title", "aria-label")
        ]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style", "pre", "code")

    def handle_data(self, data: str) -> None:
        if not self.silent and data.strip():
            self.texts.append(" ".join(data.split()))


@pytest.fixture(scope="module")
def rendered() -> dict[str, str]:
    return {}


@pytest.fixture
def chinese(evaluated: Evaluated, rendered: dict[str, str]) -> str:
    use("zh-TW")
    if not rendered:  # once: it takes seconds
        rendered["page"] = render(collect(evaluated.study))
    return rendered["page"]


@pytest.mark.parametrize("name", PAGES)
def test_no_text_of_a_page_is_written_in_its_template_alone(name: str) -> None:
    source = (ROOT / "rnnsearch" / "report" / name).read_text(encoding="utf-8")
    tree = jinja2.Environment().parse(source)
    said = {
        id(text)
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in SAID
        for text in call.find_all(nodes.Const)
    }
    plain = "".join(part.data for part in tree.find_all(nodes.TemplateData))
    told = Read(plain).texts if name.endswith(".html.j2") else []
    assert [text for text in told if re.search("[A-Za-z]{3,}", text) and text != "data:,"] == []
    constants = [one for one in tree.find_all(nodes.Const) if isinstance(one.value, str)]
    assert [c.value for c in constants if PROSE.search(c.value) and id(c) not in said] == []


def test_a_page_is_read_in_chinese(chinese: str, evaluated: Evaluated) -> None:
    assert '<html lang="zh-TW">' in chinese
    read = Read(chinese).texts
    assert [text for text in read if PROSE.search(text) and not CHINESE.search(text)] == []
    assert any("第一次打開測試集" in text for text in read)
    assert evaluated.answer["verdict"]["sentence"] not in chinese


def test_the_figures_of_a_page_are_chinese_and_their_numbers_are_the_same(
    chinese: str, evaluated: Evaluated
) -> None:
    with in_english():
        english = figures(render(collect(evaluated.study)))
    told = figures(chinese)
    assert set(told) == set(english)
    for name, figure in told.items():
        for trace, other in zip(figure["data"], english[name]["data"], strict=True):
            for key in ("z", "x", "y"):
                if isinstance(trace.get(key), dict):
                    assert trace[key] == other[key], name
        titles = re.findall(
            r'"title": ?\{"text": ?"([^"]*)"', json.dumps(figure, ensure_ascii=False)
        )
        assert [title for title in titles if PROSE.search(title)] == [], name
        assert not {t.get("name") for t in figure["data"]} & {"actual", "median", "complete"}


def figures(page: str) -> dict[str, dict[str, list[dict[str, object]]]]:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page, re.S)
    assert found is not None
    every: dict[str, dict[str, list[dict[str, object]]]] = json.loads(found[1])
    return every


def test_templates_are_in_the_catalogue() -> None:
    found = list(catalogue.in_a_template('{{ head("a", "b") }}{{ counted("c", "d", n) }}'))
    assert found == [(1, "a"), (1, "b"), (1, ("c", "d"))]
    assert "Against baselines" in catalogue.in_the_code()


@pytest.mark.slow
def test_the_report_is_written_in_chinese_and_mlflow_has_it_in_english(
    evaluated: Evaluated, rnnsearch: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, out, err = rnnsearch("report", evaluated.path, "--language", "zh-TW")
    assert code == 0, err
    assert '<html lang="zh-TW">' in Path(out.strip()).read_text(encoding="utf-8")
    parents, _runs = runs_of(evaluated.path)
    client = MlflowClient(tracking_uri(evaluated.study))
    folder = Path(client.download_artifacts(parents[0].info.run_id, "", str(tmp_path)))
    kept = [path.read_text(encoding="utf-8") for path in folder.glob("plots/*.svg")]
    kept.append((folder / "report.html").read_text(encoding="utf-8"))
    assert len(kept) > 5
    assert not any(
        CHINESE.search(re.sub("<script.*?</script>", "", text, flags=re.S)) for text in kept
    )


@pytest.mark.browser
def test_the_chinese_page_is_drawn_without_errors(chinese: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(chinese, encoding="utf-8")
    with browser(1048, 900, tmp_path) as tab:
        tab.open(page)
        tab.wait_for("return document.documentElement.dataset.drawn")
        assert tab.log("browser") == []
        titles = tab.run(
            "return [...document.querySelectorAll('.modebar-btn')].map(b => b.dataset.title)"
        )
        assert set(titles) == {"下載成 PNG 圖檔", "還原座標軸"}

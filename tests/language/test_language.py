"""What the user reads in Traditional Chinese: the catalogue is whole, and programs read English."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Formatter

import pytest

from rnnsearch import language
from rnnsearch.language import (
    FOLDER,
    _,
    catalogue,
    counted,
    in_english,
    known,
    listed,
    names,
    use,
)
from rnnsearch.language.notices import not_comparable, said
from rnnsearch.report.comparisons import Comparison, Group
from tests.helpers.evaluated import Evaluated, command
from tests.helpers.places import ROOT

CHINESE = re.compile(r"[\u4e00-\u9fff]")
PROSE = re.compile(r"[A-Za-z]{2,}[ ,]+[A-Za-z]{2,}")
TRANSLATED = {
    "terminal/live.py": set(),
    "terminal/tables.py": set(),
    "terminal/evaluated.py": set(),
    "terminal/compared.py": set(),
    "terminal/hints.py": set(),
    "terminal/journal.py": set(),
    "terminal/shelf.py": set(),
    "terminal/many.py": set(),
    "terminal/pooled.py": set(),
    "terminal/explained.py": set(),
    "verdict/explanation/words.py": set(),
    "many/index.py": set(),
    "many/preview.py": set(),
    "scoring/path_sentences.py": {"headline"},
    "scoring/quantiles.py": set(),
    "scoring/panel/words.py": set(),
    "scoring/trading/words.py": set(),
    "report/pooled.py": {"_curve"},
    "verdict/journal/words.py": set(),
    "scoring/sentences.py": {"old_verdict", "charge"},
    "search/inputs/candidates.py": set(),
    "scoring/words.py": set(),
    "scoring/path_words.py": set(),
    "report/page.py": set(),
    "report/captions.py": set(),
    "report/comparisons.py": set(),
    "report/contributions.py": set(),
    "report/facts.py": {"collect"},
    "report/journal.py": set(),
    "report/paths.py": set(),
    "report/walked.py": set(),
    "report/shelf/page.py": {"check_page"},
    **{
        f"report/figures/{name}.py": set()
        for name in (
            *("champion", "content", "drawn", "fan", "images", "looking", "money", "paths"),
            *("search", "style", "walk", "words"),
        )
    },
}
"""Rooms where everything is said in the user's language, but for these functions, whose texts are
errors or of earlier versions. Errors are English."""
PAGES = (
    *("page.html.j2", "pooled.html.j2", "parts/compared.html.j2", "parts/many.html.j2"),
    *("parts/frame.html.j2", "parts/cells.html.j2", "parts/plots.js.j2", "parts/tables.js.j2"),
)
NO_TEXT = ("lower right", "missing from font", "system-ui", "DejaVu")
"""What reads like prose and is read by programs."""


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    use(None)


def test_every_text_of_the_code_is_translated_and_the_catalogue_is_in_step() -> None:
    kept = (FOLDER / "zh_TW.po").read_bytes()
    found = catalogue.in_step(catalogue.written())
    assert catalogue.untranslated(found) == []
    renew = "run python -m rnnsearch.language.catalogue"
    assert catalogue.as_text(found) == kept, renew
    assert catalogue.compiled(catalogue.written()) == (FOLDER / "zh_TW.mo").read_bytes(), renew


def test_a_translation_has_the_values_of_its_text() -> None:
    for message in catalogue.written():
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id:
            assert {values(text) for text in said} == {values(ids[-1])}, message.id


def values(text: str) -> frozenset[tuple[str, str]]:
    return frozenset(
        (name, form or "") for _text, name, form, _kind in Formatter().parse(text) if name
    )


@pytest.mark.parametrize("room", TRANSLATED)
def test_no_text_of_a_translated_room_is_said_in_english_alone(room: str) -> None:
    path = ROOT / "rnnsearch" / room
    found = list(untranslated(ast.parse(path.read_text(encoding="utf-8")), TRANSLATED[room]))
    assert found == []


def untranslated(node: ast.AST, but: set[str]) -> Iterator[str]:
    """Sentences that are neither marked nor a docstring."""
    if isinstance(node, ast.FunctionDef) and node.name in but:
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in ("_", "counted", "marked"):
            for value in node.keywords:
                yield from untranslated(value, but)
            return
        if node.func.id == "TypeVar":
            return
    if isinstance(node, ast.Constant) and any(part in str(node.value) for part in NO_TEXT):
        return
    if isinstance(node, ast.JoinedStr):
        text = "".join(str(p.value) for p in node.values if isinstance(p, ast.Constant))
        if any(part in text for part in NO_TEXT):
            return
        if PROSE.search(text) and not re.match(r"(make|rnnsearch) ", text):
            yield text
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        if PROSE.search(node.value) and not re.match(r"(make|rnnsearch) ", node.value):
            yield node.value
        return
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)):
            yield from untranslated(child, but)


def test_a_language_is_named_as_people_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {known(name) for name in ("zh-TW", "zh_tw", "zh_TW.UTF-8", "zh-Hant", "ZH")} == {"zh-TW"}
    assert {known(name) for name in ("en", "en_US.UTF-8", "C")} == {"en"}
    assert {known(name) for name in ("", "de", "klingon")} == {None}
    assert language.used() == "en"
    monkeypatch.setenv("RNNSEARCH_LANGUAGE", "zh-TW")
    assert language.used() == "zh-TW"
    assert counted("{count} trial", "{count} trials", 3) == "3 個試驗"
    assert listed(["a", "b"]) == "a、b"
    assert _("") == ""
    with in_english():
        assert counted("{count} trial", "{count} trials", 1) == "1 trial"
    assert _("no change") == "不變"
    use("en")
    assert _("no change") == "no change"


def test_the_command_speaks_chinese_and_programs_read_english(
    evaluated: Evaluated, rnnsearch: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, _err = rnnsearch("status", evaluated.path, "--language", "zh-TW")
    assert code == 0
    assert "6 個試驗已結束 6 個（6 完成），0 個重複，" in out
    assert "驗證集上最好的試驗" in out
    assert "比較：完成的試驗在驗證集上的增益" in out
    english = rnnsearch("status", evaluated.path)[1]
    assert not CHINESE.search(english)
    plain = rnnsearch("--language", "zh-TW", "status", evaluated.path, "--json")[1]
    assert json.loads(plain) == json.loads(rnnsearch("status", evaluated.path, "--json")[1])
    nothing = rnnsearch("journal", evaluated.path, "--language", "zh-TW")[1]
    assert "還沒有記錄任何預測：" in nothing
    code, _out, err = rnnsearch("status", evaluated.path, "--language", "xx")
    assert code == 2
    assert "should be en or zh-TW, got 'xx'" in err


def test_a_comparison_is_told_in_chinese_and_its_facts_are_english() -> None:
    group = Group(
        value="gru",
        trials=1,
        complete=1,
        pruned=0,
        failed=0,
        best=0.1,
        best_trial=0,
        median=0.1,
        spread=0.0,
        gains=(0.1,),
    )
    one = Comparison(parameter="cell", family=None, by_kind=True, groups=(group,))
    use("zh-TW")
    assert CHINESE.search(one.note)
    assert one.plain()["note"].startswith("thin, fewer than 10 complete trials (gru: 1)")


def test_the_verdict_is_told_in_chinese_and_kept_in_english(
    evaluated: Evaluated, rnnsearch: Callable[..., tuple[int, str, str]]
) -> None:
    told = rnnsearch("evaluate", evaluated.path, "--top", "2", "--seeds", "2", "--language=zh-TW")[
        1
    ]
    first = told.replace("\n", "").split("。")[0]
    assert re.match(r"(與什麼都不做無法區分|比什麼都不做更差|帶有資訊|比什麼都不做更好)", first)
    assert "第一次打開測試集，因此 p 值乘以 1.25" in first
    assert "夏普比率" in told
    assert evaluated.answer["verdict"]["sentence"] not in told
    plain = rnnsearch("evaluate", evaluated.path, "--top", "2", "--seeds", "2", "--json")[1]
    assert json.loads(plain)["verdict"] == evaluated.answer["verdict"]


def test_names_that_trials_and_explanations_keep_are_read_in_the_users_language() -> None:
    kept = ("close only", "all inputs", "the 10 best inputs", "the 4 inputs found")
    parts = ("layer 2 backward, reset", "layer 1, forget")
    assert tuple(map(names.reference, kept)) == kept
    assert tuple(map(names.part, parts)) == parts
    use("zh-TW")
    assert [names.reference(one) for one in kept] == [
        "只有收盤價",
        "所有輸入",
        "最好的 10 個輸入",
        "找到的 4 個輸入",
    ]
    for part in map(names.part, parts):
        assert CHINESE.search(part)
        assert not re.search(r"[a-z]{3}", part), part


def test_remarks_that_are_kept_in_english_are_read_in_the_users_language() -> None:
    told = "p.csv: years of dates are counted from 1911: 108/01/02 is 2019-01-02."
    assert said(told) == told
    use("zh-TW")
    assert said(told) == "p.csv：日期的年份從 1911 年起算：108/01/02 is 2019-01-02。"
    assert "欄位 '備註' 不是數值" in said("p.csv: column '備註' is not numeric and is ignored.")
    assert said("of another kind: so") == "of another kind: so"
    compared = "not on the same rows and targets ({}), so a larger skill is not a better network"
    for causes, expected in (
        ("other prices, another data.columns", "（股價不同、data.columns 不同）"),
        ("other ranges of windows and shifts, or other joined series", "平移的範圍不同"),
    ):
        assert expected in not_comparable(compared.format(causes))
    assert "5 個試驗中最好的" in not_comparable(
        "the best of 5 trials looks better by luck than that of 2"
    )


def test_predict_tells_the_verdict_in_the_users_language(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "--language", "zh-TW", "predict", evaluated.path) == 0
    told = "".join(capfd.readouterr().out.split())
    assert "第一次打開測試集" in told
    assert "opening of the test" not in told


def test_init_and_the_course_of_an_evaluation_are_told_in_the_users_language(
    evaluated: Evaluated, tmp_path: Path, rnnsearch: Callable[..., tuple[int, str, str]]
) -> None:
    prices, study = evaluated.path.parent / "prices.csv", tmp_path / "new.toml"
    code, out, err = rnnsearch("--language", "zh-TW", "init", prices, "--output", study)
    assert code == 0, err
    assert "資料：prices.csv，300 筆日資料" in out
    assert "折數：" in out
    assert "已寫入：" in out
    use("zh-TW")
    assert "已驗證 3 個" in _("validated {some} of {all}", some=3, all=10)
    assert "（第 1 次）" in _("opening the locked test (opening number {number})", number=1)

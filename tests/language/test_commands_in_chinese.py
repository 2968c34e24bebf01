"""Every command in Traditional Chinese: each line of prose that it prints has some, and so have the
pages of many series. What is stored, printed as JSON or put into MLflow stays English."""

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rnnsearch import cli
from rnnsearch.config import load_study
from rnnsearch.language import use
from rnnsearch.many.family import family_of
from rnnsearch.search.store.store import Store
from tests.helpers.browser import browser
from tests.helpers.evaluated import BARS, Evaluated, write_bars
from tests.helpers.many import walk, write_files
from tests.helpers.pooled import write_pooled
from tests.helpers.searches import write_study
from tests.language.test_language import CHINESE, PROSE
from tests.language.test_page_in_chinese import Read

pytestmark = pytest.mark.xdist_group("chinese")  # searched once

Command = Callable[..., tuple[int, str, str]]

QUICK = {
    "space": {"cell": "gru", "neurons": 4, "window": 3, "output_shift": 1, "epochs": 2},
    "study": {"trials": 2, "references": False},
    "inputs": {"search": "all"},
    "run": {"engine": "inline"},
}
ENGLISH = (
    r"(make|rnnsearch) \S+",  # what is to be typed
    r".*log\(target / target one session before\)",  # what an input is, as the reference has it
    r" *│? *(--\S+|-h|\*|STUDY|DATA|TICKER)",  # rows of a table of options, whose help may be cut
    r".*(/|\\)\S*$",  # where a file is
    r" \w+ +\w+(, \w+)* +(\d+|∞) *$",  # a parameter, and what it may be
    r" +ways +moves *$",  # names of studies
    r" \w+\.\w+ ",  # settings that differ
)
"""Lines that read like prose and are none. Errors are English, so that they can be searched for."""


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    use(None)


@pytest.fixture(scope="module")
def searched(
    tmp_path_factory: pytest.TempPathFactory, _mlflow_database: Path, _kernels: None
) -> Iterator[Path]:
    """Studies of two series, of one network for four, of paths and of volatility, each evaluated
    in Chinese."""
    folder = tmp_path_factory.mktemp("chinese")
    (folder / "runs").mkdir()
    shutil.copy(_mlflow_database, folder / "runs" / "mlflow.db")
    write_files(folder / "prices", {"ONE": walk(1, 300), "TWO": walk(2, 300)})
    write_bars(folder / "bars.csv", 300)
    split = {"test": 0.3, "folds": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNSEARCH_HOME", str(folder / "runs"))
        patch.setenv("RNNSEARCH_LANGUAGE", "zh-TW")
        several = {"path": "prices/*.csv"}
        studies = (
            write_study(folder, "several", data=several, split=split, **QUICK),
            write_pooled(folder, **{**QUICK, "split": split}),
            write_study(folder, "ways", data={"steps": 2}, **QUICK),
            write_study(folder, "moves", **_volatility()),
        )
        for command in (
            *(["search", study, "--quiet"] for study in studies),
            *(["evaluate", study, *ONCE] for study in studies),
            ["explain", studies[2]],
            ["report", studies[0]],
            ["report", studies[1]],
            ["compare", *studies[2:], "--page", folder / "beside.html"],
        ):
            patch.setattr(sys, "argv", ["rnnsearch", *map(str, command)])
            with pytest.raises(SystemExit) as end:
                cli.main()
            assert not end.value.code
        yield folder


ONCE = ("--seeds=1", "--top=1")


def _volatility() -> dict[str, dict[str, object]]:
    data = BARS["data"] | {"predict": "volatility"}
    return {**QUICK, "data": data, "inputs": {"search": "all", "indicators": ["price"]}}


@pytest.fixture
def chinese(
    searched: Path, monkeypatch: pytest.MonkeyPatch, rnnsearch: Command
) -> Callable[..., str]:
    """What a command prints in Chinese, beside the result too."""
    monkeypatch.setenv("RNNSEARCH_HOME", str(searched / "runs"))
    monkeypatch.setenv("RNNSEARCH_LANGUAGE", "zh-TW")
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.chdir(searched)

    def call(*arguments: object) -> str:
        code, out, err = rnnsearch(*arguments)
        assert code == 0, err
        return out + err

    return call


def in_english(told: str) -> list[str]:
    """The lines of prose without a word of Chinese, where the one before goes not on in them."""
    lines = told.splitlines()
    return [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if PROSE.search(line)
        and not CHINESE.search(line)
        and not any(re.match(one, line) for one in ENGLISH)
        and not (CHINESE.search(before) and len(before) > 60)
    ]


COMMANDS = (
    "fetch init check inputs schema search status sync dashboard evaluate report refit predict "
    "explain journal studies compare list"
)


@pytest.mark.parametrize("command", ["", *COMMANDS.split()])
def test_the_help_of_a_command_and_its_options_is_chinese(
    command: str, monkeypatch: pytest.MonkeyPatch, rnnsearch: Command
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    said = [*command.split(), "--help"]
    english = rnnsearch(*said)[1]
    code, out, _err = rnnsearch(*said, "--language", "zh-TW")
    assert code == 0
    rows = [line for line in out.splitlines() if re.search("[A-Za-z]{3}", line)]
    assert [line for line in rows if not CHINESE.search(line)] == []
    assert not CHINESE.search(english)
    assert not CHINESE.search(rnnsearch(*said)[1])


def test_every_command_is_listed_here(rnnsearch: Command) -> None:
    listed = re.findall(r"^│ (\w+) ", rnnsearch("--help")[1], re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS.split())


TOLD: tuple[tuple[str, ...], ...] = (
    ("init", "bars.csv", "--output", "drafted.toml", "--force"),
    ("init", "prices", "--output", "many.toml", "--force"),
    ("check", "moves.toml"),
    ("inputs", "several.toml"),
    ("search", "several.toml", "--dry-run"),
    ("status", "several.toml"),
    *(("evaluate", f"{name}.toml", *ONCE) for name in ("several", "pooled", "ways", "moves")),
    ("evaluate", "several.toml", "--series", "ONE", *ONCE),
    ("explain", "ways.toml"),
    ("predict", "several.toml"),
    ("predict", "pooled.toml"),
    ("predict", "moves.toml"),
    ("refit", "moves.toml"),
    ("journal", "several.toml"),
    ("list",),
    ("compare", "ways.toml", "moves.toml", "--page", "beside.html"),
)


@pytest.mark.slow
@pytest.mark.parametrize("command", TOLD, ids=" ".join)
def test_each_line_of_prose_that_a_command_prints_has_chinese(
    command: tuple[str, ...], chinese: Callable[..., str]
) -> None:
    told = chinese(*command)
    assert CHINESE.search(told)
    assert in_english(told) == []


@pytest.mark.slow
def test_the_answers_of_many_series_of_paths_and_of_volatility_are_told_in_chinese(
    chinese: Callable[..., str],
) -> None:
    assert "評估過的 2 個序列中" in chinese("predict", "several.toml")
    alone = chinese("evaluate", "several.toml", "--series", "ONE", *ONCE)
    assert "針對 2 個序列校正後" in alone
    assert "單獨看則是" in alone
    assert "已針對各步校正（Holm）" in chinese("evaluate", "ways.toml", *ONCE).replace("\n", "")
    assert "HAR（" in chinese("evaluate", "moves.toml", *ONCE)
    assert "以一個網路預測 4" in chinese("evaluate", "pooled.toml", *ONCE)


@pytest.mark.slow
def test_what_is_kept_is_english(searched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNSEARCH_HOME", str(searched / "runs"))
    studies = [load_study(searched / f"{name}.toml") for name in ("ways", "moves", "pooled")]
    family = family_of(load_study(searched / "several.toml"))
    assert family is not None
    for study in (*studies, *(one.study for one in family.members)):
        notes = json.dumps(Store(study, create=False).notes(), ensure_ascii=False)
        assert not CHINESE.search(notes)
    kept = [*(searched / "runs" / "artifacts").rglob("*.*")]
    kept += [*(searched / "runs" / "champions").rglob("*.json")]
    texts = [path for path in kept if path.suffix in (".html", ".json", ".csv", ".svg", ".md")]
    assert {path.name for path in texts} >= {"leaderboard.html", "report.html"}
    for path in texts:
        text = re.sub("<script.*?</script>", "", path.read_text("utf-8"), flags=re.DOTALL)
        assert not CHINESE.search(text), path


@pytest.mark.slow
def test_the_pages_of_many_series_are_read_in_chinese(searched: Path) -> None:
    pages = [searched / "runs" / f"{name}.html" for name in ("several", "several.ONE", "pooled")]
    for page in (*pages, searched / "beside.html"):
        text = page.read_text(encoding="utf-8")
        assert '<html lang="zh-TW">' in text
        read = Read(text).texts
        assert [one for one in read if PROSE.search(one) and not CHINESE.search(one)] == []


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1048, 1280])
def test_pages_of_many_series_fit_are_dark_where_asked_and_sort_by_keyboard(
    width: int, searched: Path, tmp_path: Path
) -> None:
    with browser(width, 900, tmp_path) as tab:
        for name, table in (("several", "leaderboard"), ("pooled", "series")):
            tab.open(searched / "runs" / f"{name}.html")
            assert tab.run("return document.documentElement.scrollWidth") <= width
            if width >= 1048:
                fits = f"const t = document.getElementById('{table}').parentElement;"
                assert tab.run(f"{fits} return t.scrollWidth <= t.clientWidth")
            light = tab.run("return getComputedStyle(document.body).backgroundColor")
            tab.run("document.getElementById('theme').click()")
            dark = tab.run("return getComputedStyle(document.body).backgroundColor")
            assert (light, dark) == ("rgb(255, 255, 255)", "rgb(22, 25, 29)")
            tab.run("document.getElementById('theme').click()")
            heads = f"document.querySelectorAll('#{table} thead button')"
            assert tab.run(f"return [...{heads}].every(one => one.tabIndex === 0)")
            tab.run(f"{heads}[0].focus(); document.activeElement.click()")
            first = f"document.querySelector('#{table} thead th')"
            assert tab.run(f"return {first}.getAttribute('aria-sort')") == "ascending"
            assert tab.log("browser") == []


def test_a_study_without_a_test_says_so_in_chinese(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rnnsearch: Command
) -> None:
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "runs"))
    study = write_study(tmp_path, "shut", split={"test": 0})
    code, out, _err = rnnsearch("evaluate", study, "--language", "zh-TW")
    assert code == 0
    assert out.startswith("從未測試")
    said = json.loads(rnnsearch("evaluate", study, "--json", "--language", "zh-TW")[1])
    assert said["verdict"]["sentence"].startswith("Never tested")


def test_what_stands_around_an_error_is_chinese_and_the_error_is_english(
    evaluated: Evaluated, rnnsearch: Command
) -> None:
    code, _out, err = rnnsearch("status", "--language", "zh-TW")
    assert code == 2
    assert "用法：" in err
    assert "Missing argument" in err


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("status", "several.toml"),
        ("status", "moves.toml"),
        ("evaluate", "several.toml", *ONCE),
        ("evaluate", "pooled.toml", *ONCE),
        ("evaluate", "ways.toml", *ONCE),
        ("evaluate", "moves.toml", *ONCE),
        ("explain", "ways.toml"),
        ("predict", "several.toml"),
        ("predict", "pooled.toml"),
        ("journal", "moves.toml"),
        ("list",),
        ("compare", "ways.toml", "moves.toml"),
    ],
    ids=" ".join,
)
def test_json_is_english_whatever_the_user_reads(
    command: tuple[str, ...], chinese: Callable[..., str]
) -> None:
    out = chinese(*command, "--json")
    told, _end = json.JSONDecoder().raw_decode(out)
    assert not CHINESE.search(json.dumps(told, ensure_ascii=False))

"""Engines by name: ours, those of installed packages, and names that are none."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.prepare.placement import placement
from rnnsearch.prepare.preview import check
from rnnsearch.search import engines
from rnnsearch.search.searching import search
from rnnsearch.verdict.evaluation import evaluate
from tests.helpers.searches import Notes, assert_in_order, facts_of, write_study

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]
Result = tuple[int, str, str]

THEIRS = """
from rnnsearch.search.engines import Engine, Placement, setup_here
from rnnsearch.search.engines.inline import InlineWorkers

calls = []

class Theirs(Engine):
    name = "their-engine"

    def warm_up(self):
        calls.append("warm up")

    def start(self, problem, notice, most=None):
        notice("their engine starts")
        calls.append(f"start, at most {most}")
        return InlineWorkers(setup_here(problem, notice, workers=1)[0])

    def placement(self, problem):
        return Placement(["in another place"])

class Needy(Theirs):
    name = "needy"
    package = "not_to_be_had"
    install = "pip install not-to-be-had"

ENGINE, NEEDY, CLASS = Theirs(), Needy(), Theirs
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, **points: str) -> None:
    """A distribution with entry points, as pip leaves it on the path."""
    site = folder / "site"
    info = site / "theirs-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.2\n")
    lines = "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in points.items())
    (info / "entry_points.txt").write_text(f"[rnnsearch.engines]\n{lines}")
    (site / "theirs.py").write_text(THEIRS)
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "theirs", raising=False)


def refused(path: Path, engine: str) -> str:
    with pytest.raises(StudyFileError) as error:
        engines.by_name(load_study(path, run__engine=engine).run.engine).require()
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Ray", "got 'Ray'; did you mean 'ray'?"),
        ("in-line", "got 'in-line'; did you mean 'inline'?"),
        ("lokal", "got 'lokal'; did you mean 'local'?"),
        ("kubernetes", "got 'kubernetes'; if another package brings it, install that one here"),
        ("", "got ''; if another package"),
    ],
)
def test_an_unknown_engine_is_refused_with_the_known_ones_and_the_nearest(
    rnnsearch: Callable[..., Result], tmp_path: Path, name: str, told: str
) -> None:
    path = write_study(tmp_path, run={"engine": name})
    code, _, err = rnnsearch("search", path)
    assert code == 2
    rule = "[run] engine: should be 'local', 'ray' or 'inline', "
    assert err.startswith(f"rnnsearch: {path}: {rule}{told}")
    code, _, err = rnnsearch("search", write_study(tmp_path), "--engine", name)
    assert code == 2
    assert told in err


def test_an_engine_of_an_installed_package_searches_and_evaluates(
    rnnsearch: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, their_engine="theirs:ENGINE")
    path = write_study(tmp_path, study={"trials": 3}, run={"engine": "their-engine"})
    assert placement(load_study(path)).facts[-1] == "in another place"
    assert any("3 trials on 1 worker" in fact for fact in check(load_study(path)).facts)
    code, _, err = rnnsearch("search", path)
    assert (code, "their engine starts" in err) == (0, True), err
    assert_in_order(path, 3)
    import theirs  # type: ignore[import-not-found]

    assert theirs.calls == ["warm up", "start, at most None"]
    evaluate(load_study(path), top=1, seeds=2, say=print)
    assert theirs.calls[2:] == ["start, at most 1"]
    assert rnnsearch("search", path, "--engine", "local", "--trials", "+1")[0] == 0, "another one"
    assert facts_of(path)["complete"] == 4
    told = "should be 'local', 'ray', 'inline' or 'their-engine', got 'there-engine'; did you mean"
    assert told in refused(path, "there-engine")


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ("gone", "gone:IT: it failed with ModuleNotFoundError: No module named 'gone'"),
        ("klass", "theirs:CLASS is a ABCMeta, not a rnnsearch Engine"),
        ("renamed", "theirs:ENGINE is called 'their-engine', and its entry point 'renamed'"),
    ],
)
def test_an_engine_that_cannot_be_used_says_why_and_what_to_do(
    rnnsearch: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
    told: str,
) -> None:
    points = {"gone": "gone:IT", "klass": "theirs:CLASS", "renamed": "theirs:ENGINE"}
    install(tmp_path, monkeypatch, **points)
    code, _, err = rnnsearch("search", write_study(tmp_path), "--engine", engine)
    assert code == 2
    assert err.startswith(f"rnnsearch: [run] engine: {told}; mend or remove that package")
    code, *_ = rnnsearch("search", write_study(tmp_path), "--engine", "inline", "--trials", 1)
    assert code == 0, "as it is advised, with one of ours"


def test_what_an_engine_needs_is_asked_for_where_it_is_used(
    rnnsearch: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, needy="theirs:NEEDY")
    path = write_study(tmp_path, run={"engine": "needy"})
    for arguments in (("search", path), ("search", path, "--dry-run")):
        code, _, err = rnnsearch(*arguments)
        assert code == 2
        assert "needs the package not_to_be_had, which is not installed here; run" in err
        assert "`pip install not-to-be-had`, or use the engine" in err
    assert rnnsearch("check", path)[0] == 0, "it trains nothing there"


def test_a_name_of_ours_stays_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, inline="theirs:ENGINE")
    assert type(engines.by_name("inline")).__name__ == "InlineEngine"


def test_another_engine_goes_on_with_the_study(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    search(load_study(path, run__engine="inline"), Notes(), trials="2")
    search(load_study(path, run__engine="local"), Notes(), trials="3")
    assert_in_order(path, 3)

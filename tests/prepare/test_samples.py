"""The sample studies: found by name wherever one stands, and copied to be changed."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnsearch.config import find_study, load_study, sample_studies
from rnnsearch.errors import StudyFileError
from rnnsearch.prepare.samples import copy, described
from tests.helpers.places import ROOT
from tests.helpers.searches import write_study

Result = tuple[int, str, str]
PARTS = ("rnnsearch", "studies", "pyproject.toml", "README.md", "LICENSE")
NAMES = sorted(path.stem for path in (ROOT / "studies").glob("*.toml"))


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the test stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_sample_is_found_by_its_name_in_an_empty_folder(empty: Path) -> None:
    assert sorted(sample_studies()) == NAMES
    for name in NAMES:
        assert load_study(find_study(name)).name == name


def test_one_s_own_studies_come_before_samples_and_folders_do_not_hide_them(empty: Path) -> None:
    own = write_study(empty, "quickstart")
    assert find_study("quickstart") == Path(own.name)
    in_studies = write_study(empty / "studies", "quickstart")
    assert find_study("quickstart").absolute() == in_studies
    (empty / "p").mkdir()
    write_study(empty, "p")
    assert load_study(find_study("p")).data.path == empty / "prices.csv"
    assert find_study("./quickstart.toml") == Path("quickstart.toml"), "a path is what it says"


def test_a_sample_is_no_part_of_a_path(empty: Path) -> None:
    assert find_study("elsewhere/quickstart") == Path("elsewhere/quickstart")
    assert find_study("qu\0ick") == Path("qu\0ick")


def test_a_name_that_is_nobody_s_is_told_what_there_is(empty: Path) -> None:
    with pytest.raises(StudyFileError, match=r"did you mean quickstart\?"):
        load_study(find_study("quikstart.toml"))
    with pytest.raises(StudyFileError, match="`rnnsearch studies` lists those"):
        load_study(find_study("xyzzy"))
    write_study(empty, "mine")
    with pytest.raises(StudyFileError, match=r"did you mean mine\?"):
        load_study(find_study("mnie"))


def test_a_copy_has_its_prices_and_is_what_is_searched_then(empty: Path) -> None:
    assert [path.name for path in copy(["stocks"])] == ["stocks.toml", "stocks.csv"]
    assert find_study("stocks") == Path("stocks.toml")
    assert load_study("stocks.toml").data.path == empty / "stocks.csv"


def test_copies_go_where_one_s_studies_are_and_overwrite_nothing(empty: Path) -> None:
    (empty / "studies").mkdir()
    assert copy(["shifts"]) == [Path("studies/shifts.toml")]
    Path("studies/shifts.toml").write_text("mine", encoding="utf-8")
    with pytest.raises(StudyFileError, match=r"shifts.toml: is there already; overwrite it with"):
        copy(["inputs", "shifts"])
    assert not Path("studies/inputs.toml").exists(), "all of them, or none"
    copy(["shifts"], force=True)
    assert load_study("studies/shifts.toml").name == "shifts"


def test_the_command_lists_each_with_what_it_searches(
    rnnsearch: Callable[..., Result], empty: Path, home: Path
) -> None:
    code, out, _ = rnnsearch("studies")
    assert code == 0
    assert all(name in out for name in NAMES)
    assert described()["quickstart"].startswith("A first look: about 20 small trials")
    assert rnnsearch("studies", "shifts")[:2] == (0, "written: shifts.toml\n")
    code, _, err = rnnsearch("studies", "nosuch")
    assert code == 2
    assert "there is no sample study 'nosuch'; there are architecture, " in err


@pytest.mark.slow
def test_the_wheel_has_the_samples_as_files_and_they_load_from_it(tmp_path: Path) -> None:
    build = "from setuptools import build_meta; build_meta.build_wheel({!r})"
    source = tmp_path / "source"
    subprocess.run(
        ["cp", "-r", *(ROOT / name for name in PARTS), source],
        check=not source.mkdir(),
    )
    code = build.format(str(tmp_path))
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        inside = {name for name in file.namelist() if name.startswith("rnnsearch/samples/")}
        assert inside == {f"rnnsearch/samples/{n}.toml" for n in NAMES} | {
            "rnnsearch/samples/stocks.csv"
        }
        file.extractall(tmp_path / "installed")
    own = "import rnnsearch.config as c; print(c.load_study(c.find_study('stocks')).data.path)"
    done = subprocess.run(
        [sys.executable, "-c", own],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / "installed/rnnsearch/samples/stocks.csv")

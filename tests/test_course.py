"""The course: both languages share one source and its code, and every lesson runs in a kernel."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from examples.build import LANGUAGES, lessons, notebook, target, written
from tests.helpers.places import ROOT

LESSONS = lessons()
LONGEST = 120  # seconds of a cell, on a busy machine
LARGEST = 40_000  # bytes
each = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)


def code_of(lesson: Path, language: str) -> list[str]:
    cells = notebook(lesson, language)["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@each
def test_the_notebooks_are_those_of_the_source(lesson: Path) -> None:
    for language in LANGUAGES:
        text = target(lesson, language).read_text(encoding="utf-8")
        assert text == written(lesson, language), "run python examples/build.py"
        assert len(text.encode()) < LARGEST
        nbformat.validate(nbformat.reads(text, as_version=4))
    assert code_of(lesson, "en") == code_of(lesson, "zh-TW")
    assert "%pip install" in code_of(lesson, "en")[0]


@each
def test_both_languages_say_as_much(lesson: Path) -> None:
    kinds, texts = [], []
    for language in LANGUAGES:
        cells = notebook(lesson, language)["cells"]
        kinds.append([cell["cell_type"] for cell in cells])
        texts.append("".join(line for cell in cells for line in cell["source"]))
    assert kinds[0] == kinds[1]
    english, chinese = texts
    assert not re.search(r"[\u4e00-\u9fff]", english)
    for link in re.findall(r"\]\((\S+?\.ipynb)\)", english):
        if not link.startswith("http"):
            assert (ROOT / "examples/en" / link).exists()
            assert f"({link})" in chinese


def test_the_documents_link_to_every_lesson() -> None:
    listed = (ROOT / "examples/README.md").read_text(encoding="utf-8")
    for lesson in LESSONS:
        assert all(f"({language}/{lesson.stem}.ipynb)" in listed for language in LANGUAGES)
    for readme in ("README.md", "README.zh-TW.md"):
        assert "(examples/README.md)" in (ROOT / readme).read_text(encoding="utf-8")


@pytest.mark.slow
@each
def test_a_lesson_runs(
    lesson: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    one = nbformat.reads(written(lesson, "en"), as_version=4)
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(one, timeout=LONGEST, kernel_name="python3", resources=place).execute()
    outputs = [output for cell in one.cells for output in cell.get("outputs", ())]
    assert outputs
    said = [output for output in outputs if output.get("name") == "stderr"]
    assert not said, said

"""The documents say what is so: files load, commands exist, links lead somewhere."""

import re
from functools import cache
from pathlib import Path

import pytest
import typer

from rnnsearch import errors
from rnnsearch.cli import app
from rnnsearch.config import StudyFile, load_study
from rnnsearch.config.keys import BEGIN, END, language_of, renewed, study_reference
from rnnsearch.language import in_language
from rnnsearch.search.problem import Problem
from rnnsearch.search.searching import search
from rnnsearch.search.space.suggesting import grid_size
from rnnsearch.verdict.evaluation import evaluate
from tests.helpers.markdown import blocks, code_lines, headings
from tests.helpers.places import ROOT
from tests.helpers.searches import Notes

STUDIES = sorted((ROOT / "studies").glob("*.toml"))
DOCUMENTS = [ROOT / "README.md", ROOT / "README.zh-TW.md", ROOT / "CONTRIBUTING.md"]
DOCUMENTS += [
    ROOT / "examples/README.md",
    ROOT / "studies/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
REFERENCES = (ROOT / "docs/study-file.md", ROOT / "docs/zh-TW/study-file.md")
LARGEST_PICTURE = 300_000  # bytes

documents = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


# --- what the documents hold


def toml_blocks() -> list[tuple[str, str]]:
    return [
        (f"{document.relative_to(ROOT)} {number}", block)
        for document in DOCUMENTS
        if document.parent.name != "zh-TW"  # the same files: test_guides_in_chinese.py
        for number, block in enumerate(blocks(document, "toml"), start=1)
    ]


@cache
def commands() -> dict[str, set[str]]:
    """The commands and the flags of each."""
    group = typer.main.get_command(app)
    return {
        name: {flag for param in command.params for flag in param.opts} | {"--help"}
        for name, command in group.commands.items()
    }


@cache
def targets() -> dict[str, str]:
    """The targets of the Makefile and the command that each runs, or nothing."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    rules = re.findall(r"^([a-z][a-z-]*):(?!=)[^\n]*\n((?:\t.*\n)*)", text, re.M)
    found = {name: re.search(r"\$\(RNNSEARCH\) (\w+)", recipe) for name, recipe in rules}
    return {name: match[1] if match else "" for name, match in found.items()}


# --- study files


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_an_example_study_loads_and_is_listed(path: Path) -> None:
    study = load_study(path)
    assert study.name == path.stem
    assert f"({path.name})" in (ROOT / "studies/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("place", "block"), toml_blocks(), ids=[p for p, _ in toml_blocks()])
def test_a_study_file_in_the_documents_loads(
    place: str, block: str, tmp_path: Path, home: Path
) -> None:
    path = tmp_path / "documented.toml"
    path.write_text(block, encoding="utf-8")
    study = load_study(path)
    if study.study.sampler == "grid":
        assert grid_size(study, Problem.load(study).candidates) == study.study.trials


@pytest.mark.parametrize("name", ["my_inputs.py", "my_cells.py", "my_metrics.py"])
def test_code_of_one_s_own_in_the_documents_is_searched_with(
    name: str, tmp_path: Path, home: Path
) -> None:
    document = ROOT / "docs/extending.md"
    (text,) = [one for one in blocks(document, "toml") if name in one]
    for code in blocks(document, "python"):
        if (file := re.match(r'"""(my_\w+\.py)"""', code)) and file[1] in text:
            (tmp_path / file[1]).write_text(code, encoding="utf-8")
    path = tmp_path / "documented.toml"
    path.write_text(text, encoding="utf-8")
    small = {"epochs": 1, "layers": 1, "neurons": 4, "window": 5, "batch_size": 512}
    if name == "my_cells.py":
        small["cell"] = load_study(path).space.cell[1]
    changes = {f"space__{key}": value for key, value in small.items()}
    study = load_study(path, study__trials=1, split__folds=1, run__engine="inline", **changes)
    store = search(study, Notes())
    assert store.counts()["complete"] == 1
    if name == "my_inputs.py":
        assert {"speed", "bands_low", "bands_high"} < set(Problem.load(study).table.names)
    if name == "my_metrics.py":
        answer = evaluate(study, top=1, seeds=1, say=str)
        assert answer["table"][0]["worst"] > 0
        assert {"half", "mean"} < answer["forecasts"].keys()


def test_the_shifts_study_has_a_trial_for_every_combination() -> None:
    study = load_study(ROOT / "studies/shifts.toml")
    shift, ahead = study.space.input_shift, study.space.output_shift
    assert study.study.trials == (shift.high - shift.low + 1) * len(ahead)


# --- the reference


@pytest.mark.parametrize("document", REFERENCES, ids=lambda path: path.parent.name)
def test_the_reference_is_what_the_schema_says(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    renew = f"run `python -m rnnsearch.config.keys {document.relative_to(ROOT)}`"
    with in_language(language_of(document)):
        assert renewed(text) == text, renew


def test_the_reference_has_every_key_and_describes_it() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*) \|$", study_reference(), re.M)
    for name, section in StudyFile.model_fields.items():
        keys = list(section.annotation.model_fields)
        assert set(keys) <= {key for key, *_ in rows}, name
    assert all(values and meaning for _, values, _, meaning in rows)


@pytest.mark.parametrize("text", ["", BEGIN, END, END + BEGIN, BEGIN + BEGIN + END])
def test_a_document_without_its_markers_is_not_renewed(text: str) -> None:
    with pytest.raises(ValueError, match="each once"):
        renewed(text)


# --- commands


@documents
def test_every_command_and_flag_exists(document: Path) -> None:
    for line in code_lines(document):
        for name, rest in re.findall(r"(?<!from )\brnnsearch ([a-z]+)\b([^#]*)", line):
            assert name in commands(), line
            flags = set(re.findall(r"(?<!\S)--[a-z-]+", rest))
            assert flags <= commands()[name], line


def test_every_flag_in_the_table_of_commands_exists() -> None:
    rows = re.findall(
        r"^\|.*\| `rnnsearch ([a-z]+)[^|]*\|(.*)\|$", DOCUMENTS[0].read_text("utf-8"), re.M
    )
    assert len(rows) >= 7
    for name, meaning in rows:
        assert set(re.findall(r"`(--[a-z-]+)", meaning)) <= commands()[name], name


@documents
def test_every_make_target_exists_and_runs_a_command_that_exists(document: Path) -> None:
    for line in code_lines(document):
        for name in re.findall(r"(?:^|\s)make ([a-z][a-z-]*)", line):
            assert name in targets(), line
            assert targets()[name] in {"", *commands()}, line


@documents
def test_every_environment_variable_is_read_somewhere(document: Path) -> None:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "rnnsearch").rglob("*.py"))
    for name in set(re.findall(r"\bRNNSEARCH_[A-Z]+", document.read_text(encoding="utf-8"))):
        assert f'"{name}"' in code, name


@pytest.mark.parametrize("document", DOCUMENTS[:2], ids=lambda path: path.name)
def test_every_exit_code_is_in_the_table(document: Path) -> None:
    table = re.findall(r"^\| (\d+) \| ", document.read_text(encoding="utf-8"), re.M)
    codes = {kind.exit_code for kind in (errors.RnnsearchError, *all_errors())}
    assert {0, 130, *codes} <= set(map(int, table))


def all_errors() -> list[type[errors.RnnsearchError]]:
    return errors.RnnsearchError.__subclasses__()


# --- links


@documents
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", document.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        name, _, heading = link.partition("#")
        path = document.parent / name if name else document
        assert path.exists(), link
        assert not heading or heading in headings(path), link


def test_pictures_are_small_and_shown() -> None:
    shown = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    for picture in (ROOT / "docs/pictures").iterdir():
        assert picture.stat().st_size < LARGEST_PICTURE, picture.name
        assert f"pictures/{picture.name}" in shown, picture.name

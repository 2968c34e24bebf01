"""The catalogue of a language, in step with the code: `python -m rnnsearch.language.catalogue`.

It reads every text that the code marks and what the study file's keys mean, keeps the translations
that are there, adds what is new without one, and compiles the result. Needs babel, which is
installed with the tests' packages.
"""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsearch.language import FOLDER

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

PACKAGE = Path(__file__).parents[1]
TEMPLATES = ("_", "counted", "html", "head")
"""What says texts in templates; headings of tables are said by a macro."""
KEYWORDS = {"_": None, "counted": (1, 2), "marked": None}
CODE = "zh_TW"
KEYS = PACKAGE / "config"
COMMANDS = PACKAGE / "cli"
SECTION = "Section"


def in_the_code() -> "Catalog":
    """Every text that the code marks, with the places where it stands."""
    from babel.messages.catalog import Catalog
    from babel.messages.extract import extract

    found = Catalog(locale=CODE, project="rnnsearch", fuzzy=False)
    for path in sorted(PACKAGE.rglob("*.py")):
        if "from rnnsearch.language import" not in path.read_text(encoding="utf-8"):
            continue
        place = path.relative_to(PACKAGE.parent).as_posix()
        with path.open("rb") as file:
            for line, message, comments, _ in extract("python", file, keywords=KEYWORDS):
                found.add(message, None, [(place, line)], auto_comments=comments)
    for folder, texts_of in ((KEYS, of_keys), (COMMANDS, of_commands)):
        for path in sorted(folder.glob("*.py")):
            place = path.relative_to(PACKAGE.parent).as_posix()
            for line, text in texts_of(path.read_text(encoding="utf-8")):
                if text:
                    found.add(text, None, [(place, line)])
    for path in sorted(PACKAGE.rglob("*.j2")):
        place = path.relative_to(PACKAGE.parent).as_posix()
        for line, texts in in_a_template(path.read_text(encoding="utf-8")):
            found.add(texts, None, [(place, line)])
    return found


def of_commands(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) of the help that commands and their options have: docstrings and `help=`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and any(map(_of_the_app, node.decorator_list)):
            yield node.lineno, ast.get_docstring(node) or ""
        if isinstance(node, ast.keyword) and node.arg == "help":
            yield node.value.lineno, str(ast.literal_eval(node.value))


def _of_the_app(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr in ("command", "callback")


def in_a_template(source: str) -> Iterator[tuple[int, str | tuple[str, str]]]:
    """(line, text) of each that a template says; two forms of `counted`."""
    from jinja2 import Environment
    from jinja2.ext import extract_from_ast

    found = extract_from_ast(Environment().parse(source), TEMPLATES, babel_style=False)
    for line, name, told in found:
        texts = [told] if isinstance(told, str) else [text for text in told or () if text]
        if name == "counted":
            yield line, (texts[0], texts[1])
        else:
            yield from ((line, text) for text in texts)


def of_keys(source: str) -> Iterator[tuple[int, str]]:
    """(line, text) of what a module says of the study file: sections' docstrings, descriptions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            if any(base.endswith(SECTION) for base in bases) and (said := ast.get_docstring(node)):
                yield node.lineno, said
        elif isinstance(node, ast.keyword) and node.arg == "description":
            match node.value:
                case ast.Constant(value=str(said)):
                    yield node.value.lineno, said


def written(path: Path = FOLDER / f"{CODE}.po") -> "Catalog":
    """The catalogue as it is kept."""
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        return read_po(file, locale=CODE)


def in_step(kept: "Catalog") -> "Catalog":
    """The same with the texts of the code, and those alone."""
    kept.update(in_the_code(), no_fuzzy_matching=True)
    kept.obsolete.clear()
    return kept


def untranslated(catalogue: "Catalog") -> list[str]:
    """The texts without a translation; of two forms the first."""
    texts = []
    for message in catalogue:
        said = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.id and not all(said):
            texts.append(message.id if isinstance(message.id, str) else message.id[0])
    return texts


def as_text(catalogue: "Catalog") -> bytes:
    """A .po file: without line numbers, so that it changes where texts do."""
    from babel.messages.pofile import write_po

    file = BytesIO()
    _without_time(catalogue)
    write_po(file, catalogue, width=100, sort_by_file=True, include_lineno=False, omit_header=False)
    return file.getvalue()


def compiled(catalogue: "Catalog") -> bytes:
    """A .mo file."""
    from babel.messages.mofile import write_mo

    file = BytesIO()
    _without_time(catalogue)
    write_mo(file, catalogue)
    return file.getvalue()


def _without_time(catalogue: "Catalog") -> None:
    """So that the same texts make the same file."""
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)


if __name__ == "__main__":
    catalogue = in_step(written())
    (FOLDER / f"{CODE}.po").write_bytes(as_text(catalogue))
    (FOLDER / f"{CODE}.mo").write_bytes(compiled(catalogue))
    missing = untranslated(catalogue)
    print(f"{len(catalogue)} texts, {len(missing)} without a translation")
    for text in missing:
        print(f"  {text!r}")

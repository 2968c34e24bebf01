"""The course as notebooks, in two languages from one source: `python examples/build.py`.

A lesson is `course/N-name.md`: text after `<!-- en -->` and `<!-- zh-TW -->`, code in blocks that
begin with ```` ```python ````, which both languages share, and `<!-- setup -->` for the cell that
installs rnnsearch where it is not there. It becomes `en/N-name.ipynb` and `zh-TW/N-name.ipynb`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LANGUAGES = ("en", "zh-TW")
MARK = re.compile(r"^<!-- (en|zh-TW|setup) -->\n|^```python\n(.*?)^```\n", re.M | re.S)
REPOSITORY = "OWNER/rnnsearch"
SETUP = f"""\
import importlib.util

if importlib.util.find_spec("rnnsearch") is None:
    %pip install --quiet "rnnsearch @ git+https://github.com/{REPOSITORY}"\
"""
TOLD = {
    "en": "The first cell installs rnnsearch where it is missing (in Colab a few minutes; if "
    "it asks for a restart of the session, restart it and run all cells again).",
    "zh-TW": "第一格會在尚未安裝時安裝 rnnsearch（在 Colab 需要幾分鐘；如果它要求重新啟動工作階段，"
    "請重新啟動後再執行全部儲存格）。",
}
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


def lessons() -> list[Path]:
    """The sources, in order."""
    return sorted((HERE / "course").glob("*.md"))


def notebook(source: Path, language: str) -> dict[str, Any]:
    """One lesson in one language, as nbformat 4.5 says a notebook."""
    cells = [
        _cell(number, kind, text)
        for number, (kind, text) in enumerate(_cells(source, language), start=1)
    ]
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": python, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def written(source: Path, language: str) -> str:
    """The same as the text of a file."""
    return json.dumps(notebook(source, language), indent=1, ensure_ascii=False) + "\n"


def target(source: Path, language: str) -> Path:
    return HERE / language / f"{source.stem}.ipynb"


def _cells(source: Path, language: str) -> Iterator[tuple[str, str]]:
    text = source.read_text(encoding="utf-8")
    colab = f"https://colab.research.google.com/github/{REPOSITORY}/blob/main/examples"
    link = f"[![Colab]({BADGE})]({colab}/{language}/{source.stem}.ipynb)"
    found = list(MARK.finditer(text))
    for this, after in zip(found, [*found[1:], None], strict=True):
        body = text[this.end() : after.start() if after else None].strip("\n")
        if this[2] is not None:
            yield "code", this[2].rstrip("\n")
        elif this[1] == "setup":
            yield "markdown", f"{link}\n\n{TOLD[language]}"
            yield "code", SETUP
        elif this[1] == language:
            yield "markdown", body


def _cell(number: int, kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell | {"source": text.splitlines(keepends=True)}


if __name__ == "__main__":
    for lesson in lessons():
        for one in LANGUAGES:
            target(lesson, one).parent.mkdir(exist_ok=True)
            target(lesson, one).write_text(written(lesson, one), encoding="utf-8")

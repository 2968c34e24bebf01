"""The keys of a study file are described in the language that is read."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rnnsearch.config.keys import BEGIN, END, language_of, renewed, study_reference
from rnnsearch.language import in_language
from tests.helpers.places import ROOT

CHINESE = re.compile(r"[\u4e00-\u9fff]")
PROSE = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}")


def test_the_reference_is_in_the_language_in_use() -> None:
    with in_language("zh-TW"):
        chinese = study_reference()
    english = study_reference()
    assert not CHINESE.search(english)
    for one, other in zip(english.splitlines(), chinese.splitlines(), strict=True):
        assert one.startswith("#") == other.startswith("#")
        assert one.count("|") == other.count("|")
        assert {*re.findall(r"`[^`]+`", one)} == {*re.findall(r"`[^`]+`", other)}
        if one.startswith("|"):
            assert CHINESE.search(other) or "---" in other, other
            assert not PROSE.search(re.sub(r"`[^`]+`", "", other)), other


def test_a_document_is_renewed_in_the_language_of_its_folder(tmp_path: Path) -> None:
    for folder, word in (("zh-TW", "| 鍵 |"), ("docs", "| key |")):
        file = tmp_path / folder / "keys.md"
        with in_language(language_of(file)):
            assert word in renewed(f"{BEGIN}\n{END}")
    assert language_of(ROOT / "docs/study-file.md") == "en"


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_the_schema_tells_editors_of_the_keys_in_the_user_s_language(
    how: str, rnnsearch: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    english = json.loads(rnnsearch("schema")[1])
    if how == "environment":
        monkeypatch.setenv("RNNSEARCH_LANGUAGE", "zh-TW")
    code, out, _err = rnnsearch("schema", *(["--language", "zh-TW"] if how == "flag" else []))
    assert code == 0
    told = list(zip(texts(english), texts(json.loads(out)), strict=True))
    assert len(told) > 80
    for one, other in told:
        assert CHINESE.search(other), one
        assert not CHINESE.search(one)
    assert without_texts(json.loads(out)) == without_texts(english)


def texts(node: Any) -> Iterator[str]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if key == "description" and isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            yield from texts(value)


def without_texts(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: "" if key == "description" and isinstance(value, str) else without_texts(value)
            for key, value in node.items()
        }
    return [*map(without_texts, node)] if isinstance(node, list) else node

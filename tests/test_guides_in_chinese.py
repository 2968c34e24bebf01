"""Every guide is there in Traditional Chinese, and says there what it says in English."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.markdown import Section, headings, links, prose, sections
from tests.helpers.places import ROOT

ENGLISH = ROOT / "docs"
CHINESE = ROOT / "docs/zh-TW"
ONLY_ENGLISH = {
    "ARCHITECTURE.md": "who reads it reads the code, whose names and comments are English",
}
GUIDES = sorted({path.name for path in ENGLISH.glob("*.md")} - ONLY_ENGLISH.keys())
WORDS_IN_A_ROW = 8  # of English: more than any name or citation has

guides = pytest.mark.parametrize("name", GUIDES)
HAN = r"\u4e00-\u9fff"


def both(name: str) -> list[tuple[Section, Section]]:
    return list(zip(sections(ENGLISH / name), sections(CHINESE / name), strict=True))


def test_every_guide_is_there_in_both_languages() -> None:
    assert {path.name for path in CHINESE.glob("*.md")} == set(GUIDES)
    assert ONLY_ENGLISH.keys() <= {path.name for path in ENGLISH.glob("*.md")}


@guides
def test_a_guide_links_to_the_other_language_below_its_title(name: str) -> None:
    for folder, link in (
        (ENGLISH, f"[繁體中文](zh-TW/{name})"),
        (CHINESE, f"[English](../{name})"),
    ):
        title, blank, line, *_ = (folder / name).read_text(encoding="utf-8").splitlines()
        assert title.startswith("# ")
        assert (blank, line) == ("", f"*{link}*")


@guides
def test_a_guide_has_the_same_headings(name: str) -> None:
    levels = [[part.level for part in sections(folder / name)] for folder in (ENGLISH, CHINESE)]
    assert levels[0] == levels[1]


@guides
def test_a_guide_has_the_same_code(name: str) -> None:
    for english, chinese in both(name):
        assert [known(*block) for block in chinese.code] == [known(*b) for b in english.code], (
            chinese.heading
        )


def known(language: str, body: str) -> tuple[str, object]:
    """What of a block stays: code without its comments; of `text` the figures, line by line."""
    bare = re.sub(r"(^|[ \t]+)# .*", "", body, flags=re.M)
    if language == "text":
        return language, [Counter(re.findall(r"\d[\d.]*", line)) for line in body.splitlines()]
    return language, bare


@guides
def test_a_guide_has_the_same_tables(name: str) -> None:
    for english, chinese in both(name):
        assert chinese.tables == english.tables, chinese.heading


@guides
def test_a_guide_has_as_many_paragraphs_items_and_cells(name: str) -> None:
    for english, chinese in both(name):
        assert len(chinese.paragraphs) == len(english.paragraphs), chinese.heading


@guides
def test_a_guide_has_every_figure_and_every_name_in_code(name: str) -> None:
    for english, chinese in both(name):
        assert english.numbers - chinese.numbers == set(), chinese.heading
        assert english.spans ^ chinese.spans == set(), chinese.heading


@guides
def test_a_guide_leads_where_it_leads_in_english(name: str) -> None:
    for english, chinese in both(name):
        ways = [
            sorted(place(link, folder / name) for link in links(part.text) if link not in other)
            for part, folder, other in (
                (english, ENGLISH, {f"zh-TW/{name}"}),
                (chinese, CHINESE, {f"../{name}"}),
            )
        ]
        assert ways[1] == ways[0], chinese.heading


def place(link: str, document: Path) -> tuple[str, int]:
    """The document, called as in English, and the number of the heading there."""
    if link.startswith("https://"):
        return link, 0
    name, _, heading = link.partition("#")
    path = (document.parent / name).resolve() if name else document
    called = re.sub(r"\bzh-TW/|\.zh-TW\b", "", str(path.relative_to(ROOT)))
    numbered = heading and called != "README.md"  # the two of them are laid out differently
    return called, headings(path).index(heading) if numbered else 0


@pytest.mark.parametrize("document", [*GUIDES, "../../README.zh-TW.md"])
def test_what_is_chinese_links_to_what_is_chinese(document: str) -> None:
    path = CHINESE / document
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"zh-TW/[^)]*\)（英文）", text)
    for link in links(text):
        if link.startswith("https://") or link in (f"../{document}", "README.md"):
            continue
        target = (path.parent / link.partition("#")[0]).resolve()
        for chinese in (target.parent / "zh-TW" / target.name, target.with_suffix(".zh-TW.md")):
            assert not chinese.exists(), link


@guides
def test_no_paragraph_of_a_guide_is_left_in_english(name: str) -> None:
    for part in sections(CHINESE / name):
        for paragraph in part.paragraphs:
            words = rf"(?:[A-Za-z][A-Za-z'’-]*[ ,;:]+){{{WORDS_IN_A_ROW}}}"
            assert not re.search(words, paragraph), paragraph
            if re.search("[a-z] [a-z]", paragraph):
                assert re.search(f"[{HAN}]", paragraph), paragraph


@guides
def test_chinese_punctuation_is_of_full_width(name: str) -> None:
    text = re.sub(
        r"`[^`\n]+`|\]\([^)]+\)|&\w+;", "x", prose((CHINESE / name).read_text(encoding="utf-8"))
    )
    assert re.findall(rf".*[{HAN}][,;:?!(].*|.*[,;?!)][{HAN}].*", text) == []


@pytest.mark.parametrize("document", [*GUIDES, "../../README.zh-TW.md"])
def test_no_line_of_prose_ends_between_two_chinese_characters(document: str) -> None:
    # A browser shows the end of a line as a space: after punctuation nobody sees it.
    text = prose((CHINESE / document).read_text(encoding="utf-8"))
    assert re.findall(rf".*[{HAN}]\n *[{HAN}].*", text) == []

"""What a Markdown document holds: its blocks of code, headings, tables and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}\S.*\n)+(?=\n)")
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)]+)\)")


def blocks(document: Path, language: str = "") -> list[str]:
    """Its fenced blocks, of one language or of all."""
    text = document.read_text(encoding="utf-8")
    return [body for found, body in _FENCE.findall(text) if language in ("", found)]


def prose(text: str) -> str:
    """All of it but blocks of code."""
    return _INDENTED.sub("", _FENCE.sub("", text))


def code_lines(document: Path) -> Iterator[str]:
    """Every line of a block, and every `span`."""
    for block in blocks(document):
        yield from block.splitlines()
    yield from _SPAN.findall(_FENCE.sub("", document.read_text(encoding="utf-8")))


def headings(document: Path) -> list[str]:
    """Its headings in order, as links name them."""
    found = re.findall(r"^#+ (.*)$", prose(document.read_text(encoding="utf-8")), re.M)
    return [re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in found]


def links(text: str) -> list[str]:
    """Where its links and pictures lead, as written."""
    return _LINK.findall(text)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands below it, up to the next heading of any level."""

    level: int
    heading: str
    text: str

    @property
    def code(self) -> list[tuple[str, str]]:
        """Language and body of each block; what is indented is `text`."""
        indented = [("text", body) for body in _INDENTED.findall(_FENCE.sub("", self.text))]
        return [
            (language or "text", body) for language, body in _FENCE.findall(self.text)
        ] + indented

    @property
    def spans(self) -> set[str]:
        return set(_SPAN.findall(prose(self.text)))

    @property
    def numbers(self) -> set[str]:
        """Every figure of the prose, code and links left out."""
        bare = _LINK.sub("]", _SPAN.sub("", prose(self.text)))
        return set(re.findall(r"\d(?:[\d.,:/-]*\d)?", bare))

    @property
    def tables(self) -> list[tuple[int, int]]:
        """Rows and columns of each, in order."""
        found = re.findall(r"(?:^\|.*\n?)+", prose(self.text), re.M)
        return [
            (len(rows := table.splitlines()), len(re.findall(r"(?<!\\)\|", rows[0])) - 1)
            for table in found
        ]

    @property
    def paragraphs(self) -> list[str]:
        """Each paragraph (quoted ones, too), item and cell of a table, without code and links."""
        bare = re.sub(r"<!--.*?-->", "", _LINK.sub("]", _SPAN.sub("`", prose(self.text))))
        unquoted = re.sub(r"^> ?", "", bare, flags=re.M)
        parts = re.split(r"\n\s*\n|\n(?=\||\s*(?:[-*]|\d+\.) )", unquoted)
        return [
            " ".join(cell.split())
            for part in parts
            for cell in (part.split("|") if part.lstrip().startswith("|") else [part])
        ]


def sections(document: Path) -> list[Section]:
    """All of a document, from its first heading on."""
    text = document.read_text(encoding="utf-8")
    # A comment in a block of code begins as a heading does, so it is hidden while those are found.
    hidden = _FENCE.sub(lambda block: re.sub(r"(?m)^#", "\0", block[0]), text)
    found = re.split(r"^(#+) (.*)\n", hidden, flags=re.M)[1:]
    return [
        Section(level=len(marks), heading=heading, text=body.replace("\0", "#"))
        for marks, heading, body in zip(found[::3], found[1::3], found[2::3], strict=True)
    ]

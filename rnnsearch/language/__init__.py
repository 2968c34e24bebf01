"""What the user reads, in the user's language.

    _("{count} trials", count=3)                    a text, its values put in
    counted("{count} trial", "{count} trials", 3)   the same with singular and plural
    marked("text")                                  to be translated where it is shown, not here
    use("zh-TW")                                    from now on; in_english() for a while

English is what the code says. `zh_TW.po` has the rest; `python -m rnnsearch.language.catalogue`
finds what is new in the code and compiles it. What `--json` prints, what MLflow gets and what the
store keeps is English, whatever the user reads.
"""

import gettext
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LANGUAGES = {"en": None, "zh-TW": "zh_TW"}

_for_now: ContextVar[str | None] = ContextVar("for_now", default=None)
# Of all threads: a live view draws in its own.
_chosen: dict[str, str | None] = {"language": None, "spoken": None}


def _(text: str, /, **values: Any) -> str:
    """A text in the user's language; `{name}` in it is a value, formatted as in an f-string."""
    said = _catalogue(used()).gettext(text) if text else ""
    return said.format(**values) if values else said


def counted(one: str, many: str, count: int, /, **values: Any) -> str:
    """`one` or `many`, whichever the language has for `count`; `{count}` in it is that number."""
    said = _catalogue(used()).ngettext(one, many, count)
    return said.format(count=count, **values)


def listed(texts: Iterable[str]) -> str:
    """One after the other, as the language separates them: `a, b, c`."""
    return _(", ").join(texts)


def again(text: str, templates: Iterable[str]) -> str:
    """A text that was kept in English; `templates` are those with values it may be made from."""
    for template in templates:
        parts = re.split(r"(\{\w+\})", template)
        made = "".join(f"(?P<{p[1:-1]}>.*)" if p[:1] == "{" else re.escape(p) for p in parts)
        if found := re.fullmatch(made, text, re.DOTALL):
            return _(template, **found.groupdict())
    return _(text)


def marked(text: str, /) -> str:
    """The text as it is, for `_` to find in the catalogue where it is shown."""
    return text


def used() -> str:
    """The language in use: for now that of `in_language`, else the spoken one, else the user's."""
    return _for_now.get() or _chosen["spoken"] or users()


def users() -> str:
    """The user's language: that of `use`, or of RNNSEARCH_LANGUAGE, or English."""
    return _chosen["language"] or known(os.environ.get("RNNSEARCH_LANGUAGE", "")) or "en"


def use(language: str | None, *, spoken: str | None = None) -> None:
    """Read that language from now on; None is what RNNSEARCH_LANGUAGE says.

    `spoken` is what commands say, where it is another: with `--json`, English, for programs.
    """
    _chosen.update(language=language, spoken=spoken)


@contextmanager
def in_language(language: str) -> Iterator[None]:
    """For a while, one of LANGUAGES, whatever the user reads."""
    before = _for_now.set(language)
    try:
        yield
    finally:
        _for_now.reset(before)


@contextmanager
def in_english() -> Iterator[None]:
    """What is kept, or read by programs."""
    with in_language("en"):
        yield


def known(name: str) -> str | None:
    """The language that is meant: `zh-TW`, `zh_tw`, `zh_TW.UTF-8`, `zh-Hant`; None where there is
    none of that name."""
    plain = name.partition(".")[0].replace("_", "-").casefold()
    if plain.startswith(("zh-tw", "zh-hant", "zh-hk")) or plain == "zh":
        return "zh-TW"
    return "en" if plain.partition("-")[0] in ("en", "c") and plain else None


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    code = LANGUAGES[language]
    if code is None:
        return gettext.NullTranslations()
    with (FOLDER / f"{code}.mo").open("rb") as file:
        return gettext.GNUTranslations(file)

"""Errors a user can cause or meet. Each names the place, the rule, the value and the remedy.

The class decides the exit code of the command (see README, "Exit codes").
"""

import re
from typing import Any

from rnnsearch.shown import printable

LONGEST_SHOWN = 200
"""Characters of a value in a message."""
LONGEST_LINE = 1_800
"""Characters of a line of a message: a rule, a remedy and several values."""
HEAD = 1_200  # of a line that is too long; its end is the remedy
QUOTED = re.compile(rf"(?<!\w)'[^'\n]{{{LONGEST_SHOWN + 1},}}'")
UNBROKEN = re.compile(rf"\S{{{2 * LONGEST_SHOWN},}}")
HOST = r"[\w.-]*(?:\w\.\w|\w:\d|\w/)|localhost\b"  # with a point, a port or a path
_LOOKED_AT = 2_000  # characters in which passwords are looked for; it takes their square


def shown(value: Any) -> str:
    """A value as messages show it: as Python writes it, in one line, cut, without passwords."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of 5,000 digits
        text = f"a {type(value).__name__} too large to show"
    return cut(text)


def cut(text: str) -> str:
    """A text from outside as messages show it: at most `LONGEST_SHOWN` characters, no password."""
    text = without_passwords(text[:_LOOKED_AT])
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def fit_to_show(message: str) -> str:
    """A message, whatever went into it: values and lines cut as `readable` does, no password."""
    return "\n".join(without_passwords(line) for line in readable(message).split("\n"))


def without_passwords(text: str) -> str:
    """A text without the passwords of what looks like an address: `//me:secret@host`,
    `me:secret@host/db`. Other text stays as it is: `12:30@NYSE`.
    """
    text = re.sub(r"(\w*password=)[^&\s]*", r"\1***", text)
    text = re.sub(r"(//[^:@/\s]*):\S*@", r"\1:***@", text)
    return re.sub(rf"([^:@/\s'\"]*):(?!//)[^\s'\"]*@(?={HOST})", r"\1:***@", text)


def uri_without_password(uri: str) -> str:
    """What is meant as an address, without its password; rather too little is shown than too
    much.
    """
    uri = re.sub(r"(\w*password=)[^&\s]*", r"\1***", uri)
    return re.sub(r"([^:@/\s]*):(?!//)\S*@", r"\1:***@", uri)


def readable(message: str) -> str:
    """A message whose values are cut, and whose lines a person can read."""
    if len(message) <= LONGEST_SHOWN:
        return message
    message = QUOTED.sub(lambda found: f"{found[0][: LONGEST_SHOWN + 1]}…'", message)
    message = UNBROKEN.sub(lambda found: f"{found[0][:LONGEST_SHOWN]}…", message)
    lines = message.split("\n")
    return "\n".join(
        line if len(line) <= LONGEST_LINE else f"{line[:HEAD]} … {line[HEAD + 3 - LONGEST_LINE :]}"
        for line in lines
    )


class RnnsearchError(Exception):
    """The command failed. Exit code 1."""

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(readable(message))

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the message that a command prints, and no traceback (IPython asks
        an exception for this)."""
        return [f"{type(self).__name__}: {printable(fit_to_show(str(self)))}"]


class StudyFileError(RnnsearchError):
    """The study file, a flag or the device asked for is wrong. Exit code 2."""

    exit_code = 2


class DataError(RnnsearchError):
    """The price data cannot be used. Exit code 3."""

    exit_code = 3


class StorageError(RnnsearchError):
    """The study store or the tracking store cannot be used. Exit code 4."""

    exit_code = 4


class SeveralSeriesError(DataError):
    """A file has several series, and none of them is named."""


class AbsentStudyError(StorageError):
    """No search of a study has begun."""


class HeldStudyError(StorageError):
    """Another process searches a study whose store serves one driver."""


class NoTrialError(RnnsearchError):
    """No trial was completed, so there is no result. Exit code 5."""

    exit_code = 5

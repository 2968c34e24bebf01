"""Names and values of a user's files, as text that only says what it says.

A column may be called anything. On a terminal, an escape sequence in a name would be obeyed, and a
mark of direction would turn the line around; in Markdown, a backtick would end what it stands in.
"""

import re
from collections.abc import Sequence

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, but for tab and the end of a line
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of direction
    "\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]"  # ends of lines, halves of characters
)
MIDNIGHT = " 00:00:00"
MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&])")


def printable(text: str) -> str:
    """A text in which what a screen would obey is written out: `\\x1b[31m`."""
    return UNSAFE.sub(lambda found: _written(found[0]), text)


def markdown(text: str) -> str:
    """A text that Markdown shows as it is, in one line."""
    return MARKDOWN.sub(r"\\\1", " ".join(printable(text).split()))


def code(text: str) -> str:
    """A text as code in Markdown, in one line."""
    text = " ".join(printable(text).split())
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def day(date: object) -> str:
    """A date as a user writes it: with its time of day only where that is not midnight."""
    return str(date).removesuffix(MIDNIGHT)


def formatted(value: float, how: str) -> str:
    """A number as Python's `format` has it, but no zero below zero: `+0.00`, never `-0.00`."""
    text = format(value, how)
    if text.startswith("-") and not re.search("[1-9]|inf|nan", text):
        return ("+" if "+" in how else "") + text[1:]
    return text


def number_of(number: int, one: str, many: str = "") -> str:
    """How many there are, in words: `1 trial`, `1,200 trials`; `many` where it is more than an s.

    >>> number_of(1, "row is", "rows are"), number_of(2, "trial")
    ('1 row is', '2 trials')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def some(names: Sequence[str], most: int = 3, apart: str = ", ") -> str:
    """The first names of a list, and how many more there are.

    >>> some(["a", "b", "c", "d", "e"]), some(["a", "b"])
    ('a, b, c and 2 more', 'a, b')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return apart.join(names[:most]) + more


def _written(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"

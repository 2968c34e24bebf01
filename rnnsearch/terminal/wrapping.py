"""Lines of text that has wide letters: no line begins with a mark that closes what stands before.

Rich breaks such a text wherever its width ends, as it has no spaces (kinsoku shori, JIS X 4051).
"""

import re

from rich.cells import cell_len
from rich.text import Text

CLOSING = "。，、；：！？）」』》〉】％…,.;:!?)]}%"
OPENING = "（「『《〈【([{"
UNIT = re.compile(rf"[{re.escape(OPENING)}]*(?:[^\s\u2e80-\uffff]+|.)[{re.escape(CLOSING)}]*\s*")
"""What stays on one line: a wide letter or a word of others, and the marks about it."""


def wrapped(text: Text, width: int) -> Text:
    """The text with an end of line wherever one of `width` columns is full; one without wide
    letters is left to rich."""
    if text.plain.isascii() or cell_len(text.plain) == len(text.plain):
        return text
    lines = [piece for line in text.split(allow_blank=True) for piece in _lines(line, width)]
    return text.blank_copy("\n").join(lines)


def _lines(line: Text, width: int) -> list[Text]:
    ends, taken = [], 0
    for unit in UNIT.finditer(line.plain):
        needs = cell_len(unit[0].rstrip())
        if taken and taken + needs > width:
            ends.append(unit.start())
            taken = 0
        taken += cell_len(unit[0])
    pieces = list(line.divide(ends))
    for piece in pieces:
        piece.rstrip_end(width)
    return pieces

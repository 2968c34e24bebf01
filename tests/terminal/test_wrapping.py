"""Lines of wide letters: where they end."""

from io import StringIO

import pytest
from rich.cells import cell_len
from rich.text import Text

from rnnsearch.terminal.tables import Terminal, small_table
from rnnsearch.terminal.wrapping import CLOSING, OPENING, wrapped

SAID = (
    "依每個預測與波動率的比例交易（買進持有：−0.47），在原點收盤時進場："
    "冠軍的夏普比率是 −0.20，「不變」也是。"
)


def shown(what: object, width: int) -> list[str]:
    file = StringIO()
    Terminal(file=file, width=width).print(what, highlight=False)
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("width", range(12, 60))
def test_no_line_begins_with_a_mark_that_closes_or_breaks_a_number(width: int) -> None:
    lines = shown(SAID, width)
    assert "".join("".join(lines).split()) == "".join(SAID.split())
    for line in lines:
        assert cell_len(line) <= width
        assert line[0] not in CLOSING, lines
        assert line[-1] not in OPENING, lines
    assert any("−0.20" in line for line in lines)


def test_the_same_holds_in_a_table_and_styles_stay() -> None:
    table = small_table("")
    table.add_column("")
    table.add_row(SAID)
    assert not [line for line in shown(table, 24) if line.strip()[:1] in set(CLOSING) - {""}]
    text = Text(SAID)
    text.stylize("bold", 30, 34)
    bold = wrapped(text, 20)
    kept = "".join(bold.plain[span.start : span.end] for span in bold.spans)
    assert kept.replace("\n", "") == SAID[30:34]


def test_english_is_left_to_rich() -> None:
    text = Text("a line of words, which has spaces")
    assert wrapped(text, 10) is text

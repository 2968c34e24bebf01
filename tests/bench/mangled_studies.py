"""Study files with changes that people make by mistake, and that nobody would make."""

import random
import re
from collections.abc import Callable
from pathlib import Path

SCALARS = [
    "0", "1", "-1", "2", "3", "7", "0.5", "-0.0", "1e-308", "1e308", "inf", "nan", "-inf",
    "1" + "0" * 60, "9223372036854775808", "4294967296", "true", "false", '""', '"auto"', '"all"',
    '"none"', '"LSTM"', '"nasdaq"', '"prices.csv"', '"Close"', "[]", "{}", "[[]]", "[1, 1]",
    "[1, 2]", "[5, 30]", "[30, 5]", "{ min = 1, max = 3 }", "{ low = 3, high = 1 }",
    "{ low = 1, high = 3 }", "{ low = 1, high = 3, log = true, step = 2 }", "{ low = 0.1 }",
    '"\\u0000"', '"\\u001b[31m"', '"é"', '"💥"', '"' + "x" * 3_000 + '"', "2020-01-01", "12:00",
    '"2h"', '"1s"', '"0m"', '"postgresql://me:secret@host/db"', '["momentum_rsi"]', '["rsi"]',
    "{ momentum_rsi = [5, 30] }", "{ momentum_rsi = 1 }", "{ momentum = 9 }", '["event"]', '"/"',
]  # fmt: skip
"""Values in TOML."""

KEYS = [
    "lr", "epoch", "batch", "hidden", "seeds", "names", "trial", "model", "lookback", "windows",
    "horizon", "lengths", "module", "known_ahead", "timeout", "folds", "path", "sample", "prefix",
    "x" * 300, '"a b"', '"\\u001b"', "''", "window.low", "__class__", "target", "workers", "trials",
]  # fmt: skip

SECTIONS = ["study", "data", "split", "space", "inputs", "run", "data.join", "model", "spaces", "x"]


def prices(path: Path, rows: int) -> None:
    """A random walk of `rows` working days with an event column, always the same."""
    chance, close = random.Random(1), 100.0
    lines = ["Date,Open,High,Low,Close,Volume,event"]
    day, month, year = 1, 1, 2010
    for _ in range(rows):
        opened, close = close, close * (1 + chance.gauss(0, 0.01))
        high, low = max(opened, close) * 1.003, min(opened, close) * 0.997
        volume = chance.randrange(10**5, 10**6)
        event = chance.randrange(2)
        lines.append(
            f"{year}-{month:02}-{day:02},{opened:.4f},{high:.4f},{low:.4f},{close:.4f},"
            f"{volume},{event}"
        )
        day += 1
        if day > 28:
            day, month = 1, month + 1
        if month > 12:
            month, year = 1, year + 1
    path.write_text("\n".join(lines) + "\n")


def mangled(text: str, chance: random.Random) -> tuple[bytes, list[str]]:
    """The text on the prices of `prices`, changed in one to four places, and what was changed."""
    text = re.sub(r"^sample = .*$", 'path = "prices.csv"', text, flags=re.MULTILINE)
    text = re.sub(r"^cell = .*$", 'cell = "gru"', text, flags=re.MULTILINE)
    changes = []
    for _ in range(chance.choice([1, 1, 1, 1, 2, 3])):
        change = chance.choice(CHANGES)
        text, what = change(text, chance)
        changes.append(f"{change.__name__.strip('_')} {what}"[:120])
    data = text.encode("utf-8", errors="surrogatepass")
    if chance.random() < 0.1:
        data, what = _broken_bytes(data, chance)
        changes.append(what)
    return data, changes


def _lines(text: str) -> list[int]:
    """Numbers of the lines that set a key."""
    return [n for n, line in enumerate(text.splitlines()) if re.match(r"\s*[\w\"'.]+\s*=", line)]


def _value(text: str, chance: random.Random) -> tuple[str, str]:
    lines, places = text.splitlines(), _lines(text)
    if not places:
        return text, "nothing"
    place = chance.choice(places)
    lines[place] = f"{lines[place].partition('=')[0]}= {chance.choice(SCALARS)}"
    return "\n".join(lines), lines[place]


def _number(text: str, chance: random.Random) -> tuple[str, str]:
    """Another number where there is one, which is often still a study."""
    places = [*re.finditer(r"(?<=[=\[ ])\d[\d.e-]*(?=[,\s\]])", text)]
    if not places:
        return text, "nothing"
    place = chance.choice(places)
    new = chance.choice(["0", "1", "2", "0.3", "17", "200", "1e-12", "5.0", "100000"])
    what = f"{new} for {place.group()} at {place.start()}"
    return text[: place.start()] + new + text[place.end() :], what


def _key(text: str, chance: random.Random) -> tuple[str, str]:
    lines, places = text.splitlines(), _lines(text)
    if not places:
        return text, "nothing"
    place = chance.choice(places)
    key, _, value = lines[place].partition("=")
    key = chance.choice([*KEYS, key.strip()[:-1], key.strip() + "s", key.upper(), key])
    lines[place] = f"{key} ={value}"
    return "\n".join(lines), lines[place]


def _added(text: str, chance: random.Random) -> tuple[str, str]:
    lines = text.splitlines()
    line = f"{chance.choice([*KEYS, *_keys()])} = {chance.choice(SCALARS)}"
    lines.insert(chance.randrange(len(lines) + 1), line)
    return "\n".join(lines), line


def _keys() -> list[str]:
    """Keys that there are, so that odd values reach them."""
    from rnnsearch.config import StudyFile

    known = StudyFile.model_json_schema()["$defs"].values()
    return [key for section in known for key in section.get("properties", ())]


def _set(text: str, chance: random.Random) -> tuple[str, str]:
    """A key that there is, in its section, with an odd value."""
    from rnnsearch.config import StudyFile

    section, about = chance.choice([*StudyFile.model_fields.items()])
    key = chance.choice([*about.annotation.model_fields])  # type: ignore[union-attr]
    line = f"{key} = {chance.choice(SCALARS)}"
    lines = [old for old in text.splitlines() if not re.match(rf"\s*{key}\s*=", old)]
    head = f"[{section}]"
    if head not in lines:
        lines.append(head)
    lines.insert(lines.index(head) + 1, line)
    return "\n".join(lines), f"{head} {line}"


def _removed(text: str, chance: random.Random) -> tuple[str, str]:
    lines = text.splitlines()
    gone = lines.pop(chance.randrange(len(lines)))
    return "\n".join(lines), gone


def _doubled(text: str, chance: random.Random) -> tuple[str, str]:
    lines = text.splitlines()
    line = chance.choice(lines)
    lines.insert(chance.randrange(len(lines)), line)
    return "\n".join(lines), line


def _section(text: str, chance: random.Random) -> tuple[str, str]:
    line = chance.choice(["[{}]", "[[{}]]", "[{}.x]", "{} = 1"]).format(chance.choice(SECTIONS))
    lines = text.splitlines()
    lines.insert(chance.randrange(len(lines) + 1), line)
    return "\n".join(lines), line


def _character(text: str, chance: random.Random) -> tuple[str, str]:
    place = chance.randrange(len(text))
    new = chance.choice(["", "\0", '"', "[", "{", "\ufeff", "\ud800", "é", "\r", "=", "#", "\t"])
    return text[:place] + new + text[place + 1 :], f"{new!r} at {place}"


def _broken_bytes(data: bytes, chance: random.Random) -> tuple[bytes, str]:
    kind = chance.randrange(4)
    if kind == 0:
        return b"\xef\xbb\xbf" + data, "a byte-order mark"
    if kind == 1:
        return data.decode("utf-8", errors="replace").encode("utf-16"), "as UTF-16"
    if kind == 2:
        return data[: chance.randrange(len(data))], "cut off"
    place = chance.randrange(len(data))
    return data[:place] + bytes([chance.randrange(256)]) + data[place:], f"a byte at {place}"


CHANGES: list[Callable[[str, random.Random], tuple[str, str]]] = [
    _number, _number, _number, _number, _value, _key, _added, _set, _set, _removed, _doubled,
    _section, _character,
]  # fmt: skip

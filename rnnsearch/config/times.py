"""Spans of time as a study file writes them: "90s", "45m", "2h", "1d", "1h30m"."""

import re

from rnnsearch.errors import shown

SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_SPAN = re.compile(r"\s*".join(rf"(?:({_NUMBER})\s*{unit})?" for unit in SECONDS), re.IGNORECASE)
_OTHER = re.compile(rf"\s*({_NUMBER})\s*([a-z]*)\s*", re.IGNORECASE)
_WORDS = {"d": r"days?", "h": r"hours?|hrs?", "m": r"min(ute)?s?", "s": r"sec(ond)?s?"}
RULE = 'is written with units, as "90s", "45m", "2h", "1d" or "1h30m"'


def in_seconds(text: str) -> float:
    """How long a span is. Raises ValueError with the rule, the value and what may be meant."""
    match = _SPAN.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise ValueError(f"a time limit {RULE}, got {shown(text)}{_meant(text)}")
    seconds = sum(
        float(number) * size
        for number, size in zip(match.groups(), SECONDS.values(), strict=True)
        if number
    )
    if seconds <= 0:
        raise ValueError(
            f"a time limit is longer than nothing, got {shown(text)}; leave it out for none"
        )
    return seconds


def checked(value: object) -> str:
    """A span that the study file gives, as text; a number has no unit and is refused."""
    if isinstance(value, str):
        in_seconds(value)
        return value.strip()
    number = isinstance(value, int | float) and not isinstance(value, bool)
    raise ValueError(
        f"a time limit {RULE}, got {shown(value)}{_meant(str(value)) if number else ''}"
    )


def _meant(text: str) -> str:
    if (match := _OTHER.fullmatch(text[:60])) is None:
        return ""
    number, word = match.groups()
    if not word:
        return f'; write "{number}s" for seconds, "{number}m" for minutes'
    for unit, words in _WORDS.items():
        if re.fullmatch(words, word, re.IGNORECASE):
            return f'; did you mean "{number}{unit}"?'
    return ""

"""Values of plotly's figures as matplotlib takes them."""

import html
import math
import re
from collections.abc import Sequence
from typing import Any
from unicodedata import east_asian_width

import numpy as np
from matplotlib.colors import to_rgb

from rnnsearch.report.figures.style import BLACK

DASHES = {"solid": "-", "dot": ":", "dash": "--", "dashdot": "-.", "longdash": (0, (8, 3))}

TEXT, SMALL = 8.0, 7.0
"""Points."""

SPACES = 1.3
"""What a wide letter lacks, in spaces of DejaVu Sans."""

THINNER = 0.65
"""Points of a line's width for a pixel."""


def is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray)


def date(value: Any) -> str:
    return str(value).replace(" ", "T")


def plain(text: str) -> str:
    """What plotly's little HTML says."""
    return html.unescape(re.sub(r"</?[a-z]+>", "", text.replace("<br>", "\n")))


def roomy(text: str) -> str:
    """A text with as many spaces before it as it needs to be measured as wide as it is drawn: of
    Chinese letters matplotlib measures the narrower mark of a letter that it has not, and browsers,
    which have them, draw no spaces at an end."""
    missing = sum(east_asian_width(letter) in "WF" for letter in text)
    return " " * math.ceil(SPACES * missing) + text


def colour_of(colour: Any, opacity: float) -> Any:
    """As matplotlib takes it."""
    found = re.fullmatch(r"rgba?\(([^)]*)\)", str(colour or BLACK))
    if found is None:
        return (*to_rgb(str(colour or BLACK)), opacity)
    parts = [float(part) for part in found[1].split(",")]
    return (*(part / 255 for part in parts[:3]), (parts[3] if len(parts) > 3 else 1.0) * opacity)


def luminance(colour: Sequence[float]) -> float:
    """WCAG's relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

"""The pictures of a page as images beside their plots: on paper, and where scripts are off."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from markupsafe import Markup

from rnnsearch.report.figures.champion import Picture
from rnnsearch.report.figures.images import as_svg
from rnnsearch.report.figures.paper.drawing import UnknownTraceError, still

PLAIN = " <>=:/;,.-()'!*+?[]@{}|^~$"
"""What may stand in an address between quotes as it is."""


def stills(pictures: Mapping[str, Picture]) -> dict[str, Markup]:
    """Name -> address that holds the image; without those that cannot be drawn so."""
    found = {}
    for name, picture in pictures.items():
        try:
            drawn = as_svg(still(picture.figure))
        except UnknownTraceError:
            continue
        found[name] = Markup(f"data:image/svg+xml,{quote(_small(drawn), safe=PLAIN)}")
    return found


def _small(svg: str) -> str:
    """Without what is said of the file itself, and without line breaks."""
    svg = re.sub(
        r"<metadata>.*?</metadata>|<!--.*?-->|<\?xml.*?\?>|<!DOCTYPE.*?>", "", svg, flags=re.S
    )
    svg = re.sub(r' id="(figure|axes|patch|line2d|text|matplotlib\.axis|xtick|ytick|PathCollection|'
                 r'FillBetweenPolyCollection|legend)_\d+"', "", svg)  # fmt: skip
    return re.sub(r"\s*\n\s*", " ", svg).strip()

"""Templates in the user's language, and the few words that plotly itself says on a page."""

import json
from typing import Any

import jinja2
from markupsafe import Markup

from rnnsearch.language import _, counted, listed, used
from rnnsearch.language.names import reason

PLOTLY = Markup(
    json.dumps(
        {
            "moduleType": "locale",
            "name": "zh-TW",
            "dictionary": {
                "Download plot as a PNG": "下載成 PNG 圖檔",
                "Download plot": "下載圖檔",
                "Reset axes": "還原座標軸",
                "Double-click to zoom back out": "點兩下還原縮放",
                "Taking snapshot - this may take a few seconds": "正在產生圖檔，可能需要幾秒",
                "Snapshot succeeded": "圖檔已產生",
                "Sorry, there was a problem downloading your snapshot!": "無法下載圖檔",
            },
            "format": {
                "days": ["星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"],
                "shortDays": ["週日", "週一", "週二", "週三", "週四", "週五", "週六"],
                "months": [f"{month}月" for month in range(1, 13)],
                "shortMonths": [f"{month}月" for month in range(1, 13)],
                "date": "%Y/%m/%d",
                "year": "%Y年",
                "month": "%Y年%-m月",
                "dayMonth": "%-m月%-d日",
                "dayMonthYear": "%Y年%-m月%-d日",
            },
        },
        ensure_ascii=False,
    )
)
"""Its titles of buttons and names of months; its script has English alone."""


def html(text: str, /, **values: Any) -> Markup:
    """A text of ours that holds tags, its values escaped."""
    return Markup(_(text)).format(**values) if values else Markup(_(text))


def templates() -> jinja2.Environment:
    """Templates say texts by `_`, `counted` and `html`, so that the catalogue finds them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rnnsearch.report", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    said = {"_": _, "counted": counted, "html": html, "listed": listed, "why": reason}
    environment.globals.update(said, language=used())
    return environment

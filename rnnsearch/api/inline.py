"""The page of a study and its figures in a notebook."""

import html
from collections.abc import Iterable
from pathlib import Path

import plotly.graph_objects as go

from rnnsearch.api.told import escaped
from rnnsearch.report.figures.champion import Picture

HEIGHT = "48em"


class Page:
    """The page of a study: `path` where it is written, and shown whole in a notebook."""

    def __init__(self, path: Path, page: str) -> None:
        self.path = path
        self._page = page

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        """In a frame of its own, so that neither its style nor its script meets the notebook's."""
        return (
            f"<p>{escaped(self.path)}</p>"
            f'<iframe srcdoc="{html.escape(self._page)}" title="{html.escape(self.path.stem)}" '
            f'style="width:100%;height:{HEIGHT};border:1px solid #C9CDD2"></iframe>'
        )


def figures(pictures: Iterable[Picture]) -> dict[str, go.Figure]:
    """Name -> Plotly figure, with its title; its caption is `figure.layout.meta["caption"]`."""
    return {picture.name: _titled(picture) for picture in pictures}


def _titled(picture: Picture) -> go.Figure:
    figure = go.Figure(picture.figure)
    top = (figure.layout.margin.t or 0) + 40
    figure.update_layout(
        title={"text": html.escape(picture.title), "x": 0, "xref": "container", "xanchor": "left"},
        margin={"t": top},
        meta={"caption": picture.caption},
    )
    return figure

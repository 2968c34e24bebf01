"""The pictures of a page without scripts: for paper, and wherever scripts are off.

addresses  a page's pictures as images that stand in it
drawing    a figure with all its axes, notes and legend
axes       one pair of axes
traces     lines, marks, bars, histograms, grids of colours
values     plotly's values as matplotlib takes them
"""

from rnnsearch.report.figures.paper.addresses import stills
from rnnsearch.report.figures.paper.drawing import UnknownTraceError, still

__all__ = ["UnknownTraceError", "still", "stills"]

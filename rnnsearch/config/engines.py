"""Which engines a study file may name. What they are is in `search.engines`.

An engine has a place, `module:attribute`. Ours are written down here; another package has its own
as entry points. So names are known, and checked, before anything is imported.
"""

from collections.abc import Iterator
from importlib.metadata import EntryPoint

from rnnsearch import plugins

GROUP = "rnnsearch.engines"
"""The entry points of other packages' engines."""

OURS = {
    "local": "rnnsearch.search.engines.local:ENGINE",
    "ray": "rnnsearch.search.engines.on_ray:ENGINE",
    "inline": "rnnsearch.search.engines.inline:ENGINE",
}


def checked(name: str) -> str:
    """The name. Raises ValueError, with the known ones and the nearest, for an unknown one."""
    known = [point.name for point in _points(name)]
    if name in known:
        return name
    said = plugins.unknown(name, known)
    if "did you mean" not in said:
        said += "; if another package brings it, install that one here"
    raise ValueError(said)


def place(name: str) -> EntryPoint | None:
    """Where an engine is; None for one of a package that is not installed."""
    return next((point for point in _points(name) if point.name == name), None)


def _points(name: str) -> Iterator[EntryPoint]:
    """Ours, and where `name` is none of them those of packages, which takes a moment to find."""
    for own, where in OURS.items():
        yield EntryPoint(own, where, GROUP)
    if name not in OURS:
        yield from (point for point in plugins.points(GROUP) if point.name not in OURS)

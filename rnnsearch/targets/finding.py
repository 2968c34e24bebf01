"""Which targets there are: those of this folder, and those that other packages bring."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from pkgutil import iter_modules

from rnnsearch import plugins
from rnnsearch.errors import StudyFileError
from rnnsearch.targets.base import Target

GROUP = "rnnsearch.targets"
"""The entry points of other packages' targets."""

FIRST = ("log_return", "level", "direction", "volatility")
"""Files whose targets are named first."""


@cache
def ours() -> Mapping[str, Target]:
    """`TARGET` of each file here, by name."""
    files = {module.name for module in iter_modules([str(Path(__file__).parent)])}
    modules = [
        import_module(f"{__package__}.{file}") for file in (*FIRST, *sorted(files - {*FIRST}))
    ]
    found = [module.TARGET for module in modules if hasattr(module, "TARGET")]
    return {target.name: target for target in found}


@cache
def _brought() -> Mapping[str, tuple[EntryPoint, Target | str]]:
    """The targets of other packages by name, or a sentence why one cannot be had."""
    found = plugins.brought(GROUP, Target, ours())  # type: ignore[type-abstract]
    return {point.name if isinstance(one, str) else one.name: (point, one) for point, one in found}


def registry() -> Mapping[str, Target]:
    """Every target by name: ours, then those of other packages."""
    usable = {name: one for name, (_, one) in _brought().items() if isinstance(one, Target)}
    return {**ours(), **usable}


def check(name: str) -> str:
    """The name. Raises ValueError, with the known ones and the nearest, for an unknown one."""
    if name in ours():
        return name
    _, one = _brought().get(name, (None, None))
    if isinstance(one, str):
        raise ValueError(f"the target {name!r} of another package cannot be used: {one}")
    if one is None:
        said = plugins.unknown(name, registry())
        if "did you mean" not in said:
            said += "; if another package brings it, install that one here"
        raise ValueError(said)
    return name


def get(name: str) -> Target:
    """The target of this name. Raises StudyFileError for one that cannot be had here."""
    try:
        return registry()[check(name)]
    except ValueError as error:
        raise StudyFileError(f"[data] predict: {error}") from None


def package_of(name: str) -> str | None:
    """The installed package that brings a target, as "name==version"; None of ours."""
    if name in ours():
        return None
    point, _ = _brought().get(name, (None, None))
    dist = None if point is None else point.dist
    return None if dist is None else f"{dist.name}=={dist.version}"

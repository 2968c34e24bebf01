"""What other packages bring, by entry points, and what there is of a kind, by name.

brought(group, kind, taken)   each object of other packages, or why it cannot be had
loaded(point, kind)           that of one entry point
unknown(name, known)          what to say of a name that there is not: the known ones, the nearest
"""

import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from rnnsearch.errors import cut, shown

T = TypeVar("T")


def points(group: str) -> list[EntryPoint]:
    """The entry points of a group, by name; the first where two packages have one name."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        found.setdefault(point.name, point)
    return [found[name] for name in sorted(found)]


def brought(
    group: str, kind: type[T], taken: Collection[str], name: str = "name"
) -> Iterator[tuple[EntryPoint, T | str]]:
    """Each entry point, and its object or a sentence why it cannot be used.

    It can where it is a `kind` whose own name (its attribute `name`) is not among the `taken`, nor
    that of an earlier one.
    """
    seen = set(taken)
    what = kind.__name__.lower()
    for point in points(group):
        one = loaded(point, kind)
        if isinstance(one, str):
            yield point, one
        elif (called := str(getattr(one, name))) in seen:
            yield point, f"{point.value} is called {called!r}, as another {what} is"
        else:
            seen.add(called)
            yield point, one


def loaded(point: EntryPoint, kind: type[T]) -> T | str:
    """The `kind` that an entry point names, or a sentence why it cannot be used."""
    try:
        one = point.load()
    except Exception as error:
        return f"{point.value}: {failed(error)}"
    if not isinstance(one, kind):
        return f"{point.value} is a {type(one).__name__}, not a rnnsearch {kind.__name__}"
    return one


def failed(error: BaseException) -> str:
    """What went wrong in the code of others, in one line."""
    lines = str(error).strip().splitlines()
    said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return f"it failed with {cut(said)}".rstrip(".")


def unknown(name: str, known: Iterable[str]) -> str:
    """`should be 'a' or 'b', got 'c'; did you mean 'b'?`; spelling and case do not matter."""
    names = list(known)
    near = nearest(name, names)
    hint = f"; did you mean {near!r}?" if near else ""
    quoted = [repr(one) for one in names]
    listed = " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
    return f"should be {listed}, got {shown(name)}{hint}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was meant: `LSTM`, `bi-lstm`."""
    plain = {_plain(one): one for one in known}
    near = get_close_matches(_plain(name[:100]), plain, n=1, cutoff=0.6)
    return plain[near[0]] if near else None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()

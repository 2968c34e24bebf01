"""The recurrent cells that networks are made of, by name: ours, other packages', a study's own.

    B  batch      w  window      F  inputs      N  neurons

What others bring is a class (or function) `MyCell(input_size, hidden_size)` that makes a
`torch.nn.Module` with `forward(x): (B, w, F) -> (B, w, N)`: its state after each session. Stacked
layers, dropout between them and the head are ours. It is named

    "my_cells.py:MyCell"   by its file, relative to the study file
    "mycell"               by an entry point of the group `rnnsearch.cells`, where it is installed

Nothing here imports torch: names are checked where a study file is read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint
from typing import Any

from rnnsearch import plugins
from rnnsearch.errors import StudyFileError, shown
from rnnsearch.own_code import OwnCode, find, split_reference

GROUP = "rnnsearch.cells"
"""The entry points of other packages' cells."""

PLACE = "[space] cell"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One kind of cell.

    name        in study files, the store and champions
    load        gives what makes a layer; imports torch, runs the user's code
    label       in the titles of trials
    directions  2: one network reads the window forward, another backward
    brought     not ours: made as the module says. Ours take the arguments of `torch.nn.RNNBase`
    code        the file it is in, where it is a study's own
    """

    name: str
    load: Callable[[], Callable[..., Any]]
    label: str = ""
    directions: int = 1
    brought: bool = False
    code: OwnCode | None = None


def _ours(name: str, place: str) -> tuple[Cell, Cell]:
    """A cell and its bidirectional form, by the place of its class."""
    module, _, attribute = place.partition(":")

    def load() -> Any:
        return getattr(import_module(module), attribute)

    return (
        Cell(name=name, load=load, label=name),
        Cell(name=f"bi{name}", load=load, label=f"bi-{name}", directions=2),
    )


_PAIRS = (
    _ours("rnn", "torch.nn:RNN"),
    _ours("lstm", "torch.nn:LSTM"),
    _ours("gru", "rnnsearch.model.networks.gru:GRU"),
)
OURS: Mapping[str, Cell] = {cell.name: cell for pair in zip(*_PAIRS, strict=True) for cell in pair}
"""rnn, lstm, gru, birnn, bilstm, bigru."""


def get(name: str, code: Mapping[str, OwnCode] | None = None) -> Cell:
    """The cell of this name; `code` are the files that the study names.

    Raises StudyFileError for a package that is not installed, or a file that `code` lacks.
    """
    if name in OURS:
        return OURS[name]
    if reference := split_reference(name):
        file, attribute = reference
        if code is None or file not in code:
            raise StudyFileError(f"{PLACE}: the code of {shown(name)} is not there; put it back")
        own = code[file]
        return Cell(
            name=name,
            load=lambda: find(own, attribute, PLACE),
            label=attribute,
            brought=True,
            code=own,
        )
    point = _installed(name)
    if point is None:
        raise StudyFileError(
            f"{PLACE}: no installed package brings the cell {shown(name)}; install the one that "
            f"does (its entry point is of the group {GROUP})"
        )
    return Cell(name=name, load=lambda: _loaded(point), label=name, brought=True)


def check(name: str) -> str:
    """The name of a cell as a study file has it. Raises ValueError for one that cannot be."""
    if name in OURS or split_reference(name) or _installed(name) is not None:
        return name
    known = [*OURS, *(point.name for point in plugins.points(GROUP))]
    if ".py" in name:
        raise ValueError(
            f'a cell of your own is written "my_cells.py:MyCell", its file and what it is called '
            f"there, got {shown(name)}"
        )
    near = plugins.nearest(name, known)
    hint = f'; did you mean "{near}"?' if near else ""
    raise ValueError(
        f"should be {', '.join(map(repr, known))} or a cell of your own "
        f'("my_cells.py:MyCell"), got {shown(name)}{hint}'
    )


def label(name: str) -> str:
    """A cell in the title of a trial: bi-lstm, MyCell."""
    if name in OURS:
        return OURS[name].label
    reference = split_reference(name)
    return reference[1] if reference else name


def package_of(name: str) -> str | None:
    """The installed package that brings a cell, as "name==version"; None of another cell."""
    if name in OURS or split_reference(name):
        return None
    point = _installed(name)
    dist = point.dist if point is not None else None
    return f"{dist.name}=={dist.version}" if dist is not None else None


def _installed(name: str) -> EntryPoint | None:
    return next((point for point in plugins.points(GROUP) if point.name == name), None)


def _loaded(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        raise StudyFileError(
            f"{PLACE}: {shown(point.name)} is {point.value} of an installed package, and "
            f"{plugins.failed(error)}; install it again"
        ) from None

"""The inputs of many series in one table on disk, one series under another.

Only inputs that every series has are in it. It is written once, series by series, and mapped
read-only by every worker, as the table of one series is.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from rnnsearch.config import digest
from rnnsearch.data.atomic import replace_file
from rnnsearch.data.inputs.indicators import InputSpec
from rnnsearch.data.inputs.table import InputTable, load_inputs, read_inputs
from rnnsearch.shown import some

PANEL_VERSION = 1
NAMED = 8  # inputs in a note


def without_values(table: InputTable) -> InputTable:
    """What a table of a series is, but for its values, which stay in the cache: a process can have
    only so many files open, and sends others no more than it must."""
    return replace(table, values=np.empty((0, len(table.specs)), np.float32), coming=None)


def panel_inputs(each: Mapping[str, InputTable], rows: int, cache: Path) -> InputTable:
    """The table of all series, `rows` in all, which comes from the folder `cache` where it is
    there. Their own tables may be without values.

    Raises StorageError where that cannot be written, or a series' table is not there any more.
    """
    name = digest("panel", PANEL_VERSION, *([key, one.hash] for key, one in each.items()))
    specs, notes = _shared(each)
    if (table := read_inputs(cache, name)) is None:
        _write(cache, name, list(each.values()), rows, specs)
        table = load_inputs(cache / f"{name}.npy")
    return replace(table, notes=tuple(notes))


def _shared(each: Mapping[str, InputTable]) -> tuple[tuple[InputSpec, ...], list[str]]:
    """The inputs that every series has, and what is left out; warm-up is the longest of all."""
    tables = list(each.values())
    found = [{spec.name: spec for spec in table.specs} for table in tables]
    common = set(found[0]).intersection(*found[1:])
    specs = tuple(
        replace(spec, warmup=max(one[spec.name].warmup for one in found))
        for spec in tables[0].specs
        if spec.name in common
    )
    absent = sorted(set().union(*found) - common)
    notes: list[str] = list(dict.fromkeys(note for table in tables for note in table.notes))
    notes = notes[:NAMED]
    if absent:
        notes.append(f"left out, as not every series has them: {some(absent, NAMED)}")
    return specs, notes


def _write(
    cache: Path, name: str, tables: Sequence[InputTable], rows: int, specs: tuple[InputSpec, ...]
) -> None:
    names = [spec.name for spec in specs]
    path = cache / f"{name}.npy"
    about = {
        "hash": name,
        "shape": (rows, len(names)),
        "warmup": max(table.warmup for table in tables),
        "notes": (),
        "specs": [asdict(spec) for spec in specs],
    }
    with suppress(OSError):
        path.with_suffix(".json").unlink()
    head = {"descr": "<f4", "fortran_order": False, "shape": (rows, len(names))}

    def write(file: IO[bytes]) -> None:
        np.lib.format.write_array_header_1_0(file, head)
        for values in _blocks(tables, names):
            file.write(np.ascontiguousarray(values, dtype="<f4").tobytes())

    replace_file(path, write)
    text = json.dumps(about, indent=1, ensure_ascii=False).encode()
    replace_file(path.with_suffix(".json"), lambda file: file.write(text))


def _blocks(tables: Sequence[InputTable], names: list[str]) -> Iterable[NDArray[np.float32]]:
    for one in tables:
        assert one.path is not None
        table = load_inputs(one.path)
        columns = table.columns(names)
        whole = len(columns) == len(table.names) and (np.diff(columns) == 1).all()
        yield table.values if whole else table.values[:, columns]

"""The table of inputs, in memory and on disk. Opening one needs numpy and nothing slower.

On disk it is `<hash>.npy` with the values and `<hash>.json` with what they are. Both are written to
a temporary name and renamed, the JSON last: an entry is complete or it is not there, whenever the
writer dies. An entry that does not fit together is built again.
"""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnsearch.data.atomic import read_file, replace_file
from rnnsearch.data.inputs.indicators import InputSpec
from rnnsearch.errors import DataError, StorageError

ALWAYS = (
    InputSpec("return", "price", "return", 1, "log(target / target one session before)"),
    InputSpec("level", "price", "price", 0, "target; only where predict = level"),
)

REALISED = tuple(
    InputSpec(
        name,
        "price",
        "raw",
        sessions,
        f"log of the volatility of {told}; only where predict = volatility",
    )
    for name, sessions, told in (
        ("realised", 1, "the session"),
        ("realised_5", 5, "the last 5 sessions"),
        ("realised_22", 22, "the last 22 sessions"),
    )
)
"""What has been realised of the volatility that is forecast: in every input set of such a study."""


@dataclass(frozen=True, eq=False)
class InputTable:
    """All candidate inputs.

    values  (rows, F) float32, read-only; NaN before an input's own warm-up, finite from there on
    specs   F specifications, in the order of the columns
    warmup  first row (0-based) on which every input has settled: the first a window may touch
    hash    16 hex digits of prices, target and inputs
    path    the file that `load_inputs` opens; None for a table that is only in memory
    notes   what was left out, and why
    coming  (rows past the last price, F) inputs known ahead, NaN for others; not kept on disk
    """

    values: NDArray[np.float32]
    specs: tuple[InputSpec, ...]
    warmup: int
    hash: str
    path: Path | None = None
    notes: tuple[str, ...] = ()
    coming: NDArray[np.float32] | None = None

    @property
    def extended(self) -> NDArray[np.float32]:
        """`values`, and the rows past the last price below them."""
        return self.values if self.coming is None else np.concatenate([self.values, self.coming])

    @property
    def ahead(self) -> tuple[int, ...]:
        """Numbers of the columns that are known ahead of their date."""
        return tuple(column for column, spec in enumerate(self.specs) if spec.ahead)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self.specs)

    @property
    def always(self) -> tuple[str, ...]:
        """Inputs that are in every input set."""
        return tuple(spec.name for spec in self.specs if spec in (*ALWAYS, *REALISED))

    def columns(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Column numbers of the named inputs. Raises `DataError` for one that is not there."""
        place = {name: column for column, name in enumerate(self.names)}
        missing = [name for name in names if name not in place]
        if missing:
            raise DataError(
                f"these prices have no input {missing[0]!r}, which the input set needs; give a "
                f"file with the columns that the study was searched with."
            )
        return np.array([place[name] for name in names], dtype=np.int64)


def read_inputs(cache: Path, name: str) -> InputTable | None:
    """The entry `name`, or None where it is absent or damaged."""
    try:
        return load_inputs(cache / f"{name}.npy")
    except StorageError:
        return None


def load_inputs(path: Path) -> InputTable:
    """Map `InputTable.path` into memory, read-only. Raises `StorageError` where it is damaged."""
    try:
        about = json.loads(read_file(path.with_suffix(".json")))
        if not path.is_file():  # a pipe would be waited for
            raise FileNotFoundError(f"{path.name} is no file")
        values = np.load(path, mmap_mode="r", allow_pickle=False)
        specs = tuple(InputSpec(**spec) for spec in about["specs"])
        rows, columns = about["shape"]
        fits = (
            values.shape == (rows, columns)
            and columns == len(specs)
            and values.dtype == np.float32
            and values.flags.c_contiguous
            and path.stat().st_size == values.offset + values.nbytes
        )
        if not fits:
            raise ValueError(f"the array is {values.dtype} {values.shape}")
        return InputTable(
            values, specs, about["warmup"], about["hash"], path, tuple(about["notes"])
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise StorageError(
            f"{path}: the input table is missing or damaged ({error}); run the command again to "
            f"build it."
        ) from None


def write_inputs(cache: Path, table: InputTable) -> InputTable:
    """Write a table and open it again from disk. Raises `StorageError`, leaving nothing behind."""
    path = cache / f"{table.hash}.npy"
    about = {
        "hash": table.hash,
        "shape": table.values.shape,
        "warmup": table.warmup,
        "notes": table.notes,
        "specs": [asdict(spec) for spec in table.specs],
    }
    text = json.dumps(about, indent=1, ensure_ascii=False).encode()
    with contextlib.suppress(OSError):  # if it cannot be, neither can the table be written
        path.with_suffix(".json").unlink()
    replace_file(path, lambda file: np.save(file, table.values))
    replace_file(path.with_suffix(".json"), lambda file: file.write(text))
    return load_inputs(path)

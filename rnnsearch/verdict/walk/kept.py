"""What is done of a walk: a file for each fit, so that one that was killed goes on.

A file is whole or absent. One that cannot be read is fitted again: nothing of the answer stands in
these files alone.
"""

import contextlib
import json
import zlib
from pathlib import Path

from rnnsearch.data.atomic import read_file, replace_file
from rnnsearch.search.trial.packing import unpack
from rnnsearch.search.trial.protocol import Refitted


class Kept:
    """The fits in a folder, by who is fitted (a number) and which block of rows is forecast."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, who: int, block: int, rows: int) -> Refitted | str | None:
        """Forecasts of so many rows, or why there are none; None for what is not done."""
        try:
            plain = json.loads(read_file(self._path(who, block)))
            if "reason" in plain:
                return str(plain["reason"])
            found = Refitted(
                forecasts=plain["forecasts"],
                seconds=float(plain["seconds"]),
                chosen=str(plain["chosen"]),
                quantiles=str(plain.get("quantiles", "")),
            )
            fits = len(unpack(found.forecasts)) == rows
            if found.quantiles:
                fits &= len(unpack(found.quantiles)) % rows == 0
            return found if fits else None
        except (OSError, ValueError, TypeError, KeyError, zlib.error):
            return None

    def keep(self, who: int, block: int, result: Refitted | str) -> None:
        """Weights first: a fit that is told to be done has those that the next one needs."""
        plain: dict[str, object] = {"reason": result}
        if isinstance(result, Refitted):
            if result.weights:
                weights = result.weights
                replace_file(self._weights(who, block), lambda file: file.write(weights))
            plain = {
                "forecasts": result.forecasts,
                "seconds": result.seconds,
                "chosen": result.chosen,
            } | ({"quantiles": result.quantiles} if result.quantiles else {})
        text = json.dumps(plain).encode()
        replace_file(self._path(who, block), lambda file: file.write(text))
        with contextlib.suppress(OSError):
            self._weights(who, block - 1).unlink()

    def weights(self, who: int, block: int) -> bytes:
        """Those of a network after a block; empty where there are none."""
        try:
            return read_file(self._weights(who, block))
        except OSError:
            return b""

    def _path(self, who: int, block: int) -> Path:
        return self.folder / f"{who}-{block}.json"

    def _weights(self, who: int, block: int) -> Path:
        return self.folder / f"{who}-{block}.safetensors"

"""The user's own code in a champion's folder, as it was when the champion was trained.

It lies in `code/HASH/`, the file of the study and those that it imports. Reading it runs nothing.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from rnnsearch.data.atomic import read_file, replace_file
from rnnsearch.own_code import OwnCode

FOLDER = "code"


def listed(code: Mapping[str, OwnCode]) -> dict[str, tuple[str, ...]]:
    """For each name that a study has for a file: its hash, and the names of its files."""
    return {name: (one.hash, *one.files) for name, one in code.items()}


def write(folder: Path, code: Mapping[str, OwnCode]) -> None:
    """Put it there, beside what is there already. Raises StorageError."""
    for one in code.values():
        for name, text in one.files.items():
            _put(folder / FOLDER / one.hash / name, text.encode())


def _put(place: Path, content: bytes) -> None:
    replace_file(place, lambda file: file.write(content))


def tidy(folder: Path, code: Mapping[str, OwnCode]) -> None:
    """Remove what an earlier champion had there."""
    kept = {one.hash for one in code.values()}
    for other in (folder / FOLDER).glob("*"):
        if other.name not in kept:
            shutil.rmtree(other, ignore_errors=True)


def read(folder: Path, listed: Mapping[str, tuple[str, ...]]) -> dict[str, OwnCode]:
    """What `listed` says is there. Raises OSError, or ValueError where it has been changed."""
    found = {}
    for name, (code_hash, *files) in listed.items():
        place = folder / FOLDER / Path(code_hash).name
        texts = {file: read_file(place / Path(file).name).decode("utf-8") for file in files}
        found[name] = OwnCode(name, texts)
        if not files or found[name].hash != code_hash:
            raise ValueError(f"{FOLDER}/{code_hash} is not the code that the champion was made of")
    return found

"""The sample studies that are installed with the package: what they search, and a copy of one."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO

from rnnsearch.config import load_study, sample_studies
from rnnsearch.data.atomic import replace_file
from rnnsearch.errors import StudyFileError, shown


def described() -> dict[str, str]:
    """Name -> what its first comment says."""
    return {name: _comment(path) for name, path in sample_studies().items()}


def _comment(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    lines = text.partition("\n\n")[0].splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))


def copy(names: Sequence[str], *, force: bool = False) -> list[Path]:
    """Copy sample studies, and the price files that come with them, to where one's own are kept:
    studies/ where that folder exists, else the current one. All of them, or none.

    Raises StudyFileError for an unknown name, and for a file that is there already unless `force`
    is set; StorageError where one cannot be written.
    """
    known = sample_studies()
    if unknown := next((name for name in names if name not in known), None):
        raise StudyFileError(
            f"there is no sample study {shown(unknown)}; there are {', '.join(known)}"
        )
    folder = Path("studies") if Path("studies").is_dir() else Path()
    sources = dict.fromkeys(file for name in names for file in _files(known[name]))
    targets = [folder / source.name for source in sources]
    there = next((target for target in targets if target.exists()), None)
    if there is not None and not force:
        raise StudyFileError(f"{there}: is there already; overwrite it with --force")
    for source, target in zip(sources, targets, strict=True):
        replace_file(target, partial(_copy, source))
    return targets


def _copy(source: Path, file: IO[bytes]) -> None:
    file.write(source.read_bytes())


def _files(study: Path) -> list[Path]:
    """The study file, and the files beside it that it reads."""
    data = load_study(study).data
    read = [data.path, *(join.path for join in data.join)]
    return [
        study,
        *(path for path in read if path is not None and path.parent == study.absolute().parent),
    ]

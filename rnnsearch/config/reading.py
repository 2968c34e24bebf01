"""From a study file to a `StudyFile`, and its faults in words."""

import contextlib
import difflib
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rnnsearch.config.faults import explain
from rnnsearch.config.study import StudyFile
from rnnsearch.errors import StudyFileError, cut, shown

SAMPLES = Path(__file__).parents[1] / "samples"  # in a checkout a link to studies/


def home() -> Path:
    """The folder that everything a machine writes goes to: $RNNSEARCH_HOME or ./runs."""
    return Path(os.environ.get("RNNSEARCH_HOME") or "runs").absolute()


def kernels_folder() -> Path:
    """Where compiled kernels are kept: $RNNSEARCH_KERNELS, or in the cache of `home`."""
    return Path(os.environ.get("RNNSEARCH_KERNELS") or home() / "cache" / "kernels").absolute()


def find_study(name: str | Path) -> Path:
    """The study file that is meant by its path, or by its name: in studies/, in this folder, or
    that of a sample which is installed with the package."""
    given = Path(name)
    named = [Path("studies") / f"{name}.toml", Path(f"{name}.toml")]
    named += [path for sample, path in sample_studies().items() if sample == str(name)]
    with contextlib.suppress(OSError, ValueError):  # too long, or with a NUL; `load_study` says so
        if given.exists() and not given.is_dir():
            return given
        return next((path for path in named if path.is_file()), given)
    return given


def sample_studies() -> dict[str, Path]:
    """Name -> study file, of those that are installed with the package."""
    return {path.stem: path for path in sorted(SAMPLES.glob("*.toml"))}


def load_study(path: str | Path, **overrides: Any) -> StudyFile:
    """Read and check a study file.

    `overrides` replace single keys, `run__workers=2` the key `workers` of `[run]`; a None is
    ignored. RNNSEARCH_STORAGE and RNNSEARCH_TRACKING come before the file, overrides before both.

    Raises `StudyFileError` with every fault of the file, each with its key, rule and value.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(_text_of(path))
    except FileNotFoundError:
        raise StudyFileError(f"{path}: there is no such study file{_known_studies(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        saved = "; save it as UTF-8" if isinstance(error, UnicodeDecodeError) else ""
        raise StudyFileError(f"{path}: cannot be read as UTF-8 text: {error}{saved}") from None
    except (ValueError, RecursionError) as error:  # also of a number of 5,000 digits
        raise StudyFileError(f"{path}: is not TOML: {cut(str(error))}") from None

    return _checked(tables, path, path.stem, path.absolute().parent, overrides)


def study_of(
    tables: Mapping[str, Any], name: str | None = None, *, place: str, **overrides: Any
) -> StudyFile:
    """Check what a study file says, given as a mapping: sections, keys and values in its words.

    `name` of the study; that of the mapping, or of the data, where it is left out. `place` begins
    messages. Paths are meant from the current folder. Else as `load_study`.
    """
    plain = _plain(tables, place)
    if name is not None and isinstance(plain.setdefault("study", {}), dict):
        plain["study"]["name"] = name
    data = plain.get("data")
    source = (data.get("path") or data.get("sample")) if isinstance(data, dict) else None
    called = re.sub(r"[^\w.-]+", "_", Path(str(source or "study")).stem).lstrip("_.-") or "study"
    return _checked(plain, place, called, Path.cwd(), overrides)


def _plain(value: Any, place: str) -> Any:
    """Dicts, lists, text, numbers: paths, ranges, arrays and what holds them are written so."""
    match value:
        case Mapping():
            return {str(key): _plain(item, f"{place} {key}") for key, item in value.items()}
        case None | bool() | int() | float() | str():
            return value
        case Path():
            return str(value)
        case list() | tuple() | range():
            return [_plain(item, place) for item in value]
    if hasattr(value, "tolist"):  # of numpy
        return _plain(value.tolist(), place)
    raise StudyFileError(
        f"{place}: should be what a study file can say (text, a number, true or false, a list or a "
        f"mapping of these), got {shown(value)}"
    )


def _checked(
    tables: dict[str, Any],
    place: Path | str,
    name: str,
    folder: Path,
    overrides: Mapping[str, Any],
) -> StudyFile:
    """A study of the tables of its file; its `name` where they have none, its `folder`."""
    environment = {
        "run__storage": os.environ.get("RNNSEARCH_STORAGE") or None,
        "run__tracking": os.environ.get("RNNSEARCH_TRACKING") or None,
    }
    for key, value in (environment | {k: v for k, v in overrides.items() if v is not None}).items():
        section, _, own = key.partition("__")
        if value is not None and isinstance(tables.setdefault(section, {}), dict):
            tables[section][own] = value
    if isinstance(tables.setdefault("study", {}), dict):
        tables["study"].setdefault("name", name)
    try:
        study = StudyFile.model_validate(tables)
    except ValidationError as error:
        raise StudyFileError("\n".join(explain(place, error, StudyFile))) from None
    if unused := study.data.unused_ahead():
        raise StudyFileError(
            f"{place}: [data] known_ahead: {shown(unused[0])} is an input that `columns` does not "
            'name; name it there too, or write columns = "all"'
        )
    if fault := study.cannot_be_balanced():
        raise StudyFileError(f"{place}: [study] balance: {fault}")
    if study.loss_fault:
        raise StudyFileError(f"{place}: [space] loss: {study.loss_fault}")
    try:
        study = _resolve_paths(study, folder)
    except ValueError as error:
        raise StudyFileError(f"{place}: [data] path: {error}") from None
    study._folder = folder
    return study


def _text_of(path: Path) -> str:
    """A pipe would be waited for without end; a byte-order mark is what Windows begins with."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise StudyFileError(f"{path}: is no regular file; copy what it holds into one")
    return path.read_text(encoding="utf-8-sig")


def _known_studies(path: Path) -> str:
    """What may have been meant, or could be."""
    plain = path.parent == Path()
    folders = [Path("studies"), Path()] if plain else [path.parent]
    names = {folder: sorted(known.stem for known in folder.glob("*.toml")) for folder in folders}
    samples = [*sample_studies()] if plain else []
    for known, ending in (*((names[folder], path.suffix) for folder in folders), (samples, "")):
        if near := difflib.get_close_matches(path.name.removesuffix(".toml"), known, n=1):
            return f"; did you mean {near[0]}{ending}?"
    if there := names[folders[0]]:
        return f"; in {folders[0]} there are {', '.join(there)}"
    return "; `rnnsearch studies` lists those that come with the package" if samples else ""


def _resolve_paths(study: StudyFile, folder: Path) -> StudyFile:
    """Paths are meant from the study file's folder, and ~ is a home."""

    def resolved(path: Path | None) -> dict[str, Path | None]:
        if path is None:
            return {"path": None}
        if "\0" in str(path):
            raise ValueError(f"a path has no NUL in it, got {shown(str(path))}")
        try:
            return {"path": folder / path.expanduser()}
        except RuntimeError:
            raise ValueError(f"there is no such home, got {shown(str(path))}") from None

    joins = tuple(join.model_copy(update=resolved(join.path)) for join in study.data.join)
    data = study.data.model_copy(update=resolved(study.data.path) | {"join": joins})
    return study.model_copy(update={"data": data})


def digest(*parts: Any) -> str:
    """A short, stable hash of plain JSON values."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

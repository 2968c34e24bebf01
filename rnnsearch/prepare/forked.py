"""The study file of a fork: the old one under the new name."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rnnsearch.config import load_study, sample_studies
from rnnsearch.data.atomic import replace_file
from rnnsearch.errors import NoTrialError, RnnsearchError, StudyFileError
from rnnsearch.prepare.samples import copy

NAME = re.compile(r"(?m)^(\s*name\s*=\s*).*$")
SECTION = re.compile(r"(?m)^\s*\[\s*study\s*\]\s*(#.*)?$")
NEXT = re.compile(r"(?m)^\s*\[")


@contextmanager
def study_file_of(study: Path, fork: str | None) -> Iterator[Path]:
    """The file of a fork beside that of its study, or where own studies are kept if that is a
    sample, which is installed with the package; without a fork that of the study itself.

    It is written where it is not there yet, and removed again where the fork cannot be begun.

    Raises StudyFileError where another file is in the way, or the old one cannot be renamed;
    StorageError where it cannot be written.
    """
    if fork is None:
        yield study
        return
    if sample_studies().get(study.stem) == study:
        study = copy([study.stem])[0]
    path = study.with_name(f"{fork}.toml")
    is_new = _write_once(path, study, fork)
    try:
        yield path
    except NoTrialError:  # it was begun
        raise
    except RnnsearchError:
        if is_new:
            path.unlink(missing_ok=True)
        raise


def _write_once(path: Path, study: Path, name: str) -> bool:
    """Whether it was written now."""
    text = _renamed(study, name)
    if path.exists():
        if path.read_bytes() == text:
            return False
        raise StudyFileError(
            f"--fork: {path} is there already, and is another study; choose another name, or "
            "remove it"
        )
    replace_file(path, lambda file: file.write(text))
    try:
        found = load_study(path).name
    except RnnsearchError:
        found = ""
    if found != name:
        path.unlink()
        raise StudyFileError(
            f"--fork: {study} does not tell its name in a line of its own below [study]; write it "
            f'there, or copy the file to {path.name} and write name = "{name}" in it'
        )
    return True


def _renamed(study: Path, name: str) -> bytes:
    """The text with another name; without one it has that of its file."""
    text = study.read_text(encoding="utf-8-sig")
    if (head := SECTION.search(text)) is None:
        return text.encode()
    after = NEXT.search(text, head.end())
    end = after.start() if after else len(text)
    body = NAME.sub(rf'\g<1>"{name}"', text[head.end() : end])
    return (text[: head.end()] + body + text[end:]).encode()

"""Files that are complete or absent, whenever their writer dies."""

import errno
import os
import stat
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from rnnsearch.errors import StorageError


def replace_file(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Have `write` fill `path`: it has its old content or its new one, and never a part.

    Makes the folder where there is none. Raises StorageError where the disk is full or not ours,
    or what `write` raises; nothing is left behind then.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unwritable(path, error) from None


def read_file(path: Path) -> bytes:
    """What a file of ours holds. Raises OSError, also for a pipe or a device: they never end."""
    with open(path, "rb", opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        return file.read()


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def unwritable(path: Path, error: OSError) -> StorageError:
    """A file or folder that cannot be written, in words."""
    return StorageError(
        f"{path}: cannot be written: {error.strerror or error}; free space there or choose another "
        "folder (RNNSEARCH_HOME is that of all a study writes)"
    )

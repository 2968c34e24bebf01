"""Files that are complete or absent, whenever their writer dies.

A part that a killed process has left is removed by the next one that writes into its folder. A
living process holds a lock on its part, as on its scratch folder.
"""

import contextlib
import errno
import os
import re
import stat
import sys
import time
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO, Any

from rnnsearch.errors import StorageError

if sys.platform != "win32":
    import fcntl

YOUNG = 60.0  # seconds; a part that is no older may not be locked yet
PART = re.compile(r"\.[0-9a-f]{32}\.part")


def replace_file(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Have `write` fill `path`: it has its old content or its new one, and never a part.

    Makes the folder where there is none. Raises StorageError where the disk is full or not ours,
    or what `write` raises; nothing is left behind then.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(path.parent.absolute(), os.getpid())
        try:
            with temporary.open("xb") as file:
                _lock(file.fileno())
                write(file)
                file.flush()
                os.fsync(file.fileno())
                if sys.platform != "win32":
                    temporary.replace(path)  # while the lock is held
            if sys.platform == "win32":
                temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unwritable(path, error) from None


def sweep(folder: Path) -> None:
    """Remove the parts in a folder that this user's killed processes have left."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if PART.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    _remove_if_left(Path(entry.path))


@cache
def _sweep_once(folder: Path, process_number: int) -> None:
    sweep(folder)


def _remove_if_left(part: Path) -> None:
    if sys.platform == "win32":
        return
    number = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(number)
        ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid()
        if ours and time.time() - status.st_mtime > YOUNG and _lock(number):
            part.unlink()
    finally:
        os.close(number)


def _lock(number: int) -> bool:
    """Hold an open file until it is closed; False where another process does, or none can."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


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

"""A temporary folder of this process, which no ending of it leaves behind for good.

Whoever makes one removes those of processes that were killed. A folder's process holds a lock on
it, which the kernel lets go of however the process ends, so that a living one's is never taken.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from functools import cache
from multiprocessing import process, util
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PREFIX = "rnnsearch-scratch-"


def scratch() -> Path:
    """The folder of this process, made at the first call."""
    return _of(os.getpid())


def use_for_processes() -> None:
    """Have what multiprocessing keeps in files (a socket to its fork server) lie there too."""
    config = process.current_process()._config  # type: ignore[attr-defined]
    if config.get("tempdir") is None:
        config["tempdir"] = str(scratch())


@cache
def _of(process_number: int) -> Path:
    sweep(Path(tempfile.gettempdir()))
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        if sys.platform == "win32":  # nobody sweeps there
            break
        if _lock(folder) is not None and folder.exists():  # else one that swept was faster
            break
    # After all that multiprocessing ends itself: in this process alone, not in its forks.
    util.Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=-100)
    return folder


def sweep(place: Path) -> None:
    """Remove the folders of this user's processes that are gone."""
    for folder in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            status = folder.lstat()
            ours = sys.platform == "win32" or status.st_uid == os.getuid()
            if not ours or folder.is_symlink() or not folder.is_dir():
                continue
            if (lock := _lock(folder)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def is_left(folder: Path) -> bool:
    """Whether the process of a folder is gone."""
    if not folder.exists() or (lock := _lock(folder)) is None:
        return False
    os.close(lock)
    return True


def _lock(folder: Path) -> int | None:
    """Hold a folder until the process ends or the number is closed; None where another does, or
    none can, as on Windows."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)
                return None
            return lock
    return None

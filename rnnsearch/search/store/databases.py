"""The databases that studies are kept in: opened, locked, and their errors in words."""

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import optuna
import sqlalchemy

from rnnsearch.config import StudyFile, home
from rnnsearch.errors import AbsentStudyError, StorageError
from rnnsearch.search.store.damage import (
    UNREADABLE,
    check_pages,
    damaged,
    find_damage,
    is_malformed,
)
from rnnsearch.tracking import first_line, shown_uri, sqlite_url

FAILURES: tuple[type[Exception], ...] = (
    sqlalchemy.exc.SQLAlchemyError,
    optuna.exceptions.StorageInternalError,
)
STORAGE_ERRORS: tuple[type[Exception], ...] = (*FAILURES, ImportError)  # of the database's driver
NEWEST: list[str] = []  # the version of Optuna's tables that is the newest one, once it is known
OPENED: list[str] = []  # the URL that was opened last in this process
BUSY_SECONDS = 60.0  # that another program may keep SQLite's lock
HELD_SECONDS = 120  # that a driver which does nothing, or is gone, may keep others from PostgreSQL
SILENCE = {  # after which a PostgreSQL that was cut off is seen to be so; the URL may say otherwise
    "connect_timeout": 10,
    "tcp_user_timeout": 30_000,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


def storage_url(study: StudyFile) -> str:
    """Where a study is kept, as SQLAlchemy wants it."""
    return _proper(study.run.storage or sqlite_url(home() / "optuna.db"))


def url_of(storage: str | None) -> str:
    """The same where no study is named: RNNSEARCH_STORAGE is asked, as study files do."""
    given = storage or os.environ.get("RNNSEARCH_STORAGE")
    return _proper(given or sqlite_url(home() / "optuna.db"))


def _proper(url: str) -> str:
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)


def stored_names(url: str) -> list[str]:
    """The studies of a storage, by name."""
    with storage_errors(url, OSError, RuntimeError, ValueError):
        storage = open_storage(url, create=False)
        try:
            return sorted(optuna.get_all_study_names(storage))
        finally:
            storage.engine.dispose()


def open_storage(url: str, create: bool) -> optuna.storages.RDBStorage:
    """The storage at a URL, its tables made where they are missing.

    Raises StorageError where there is no SQLite file and `create` is false.
    """
    OPENED[:] = [url]
    database = sqlite_file(url)
    if database is None:
        return _open_server(url)
    if not create and not database.exists():
        raise AbsentStudyError(f"{database}: there is no study yet; run `rnnsearch search` first")
    database.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{database}.lock"):  # two may not create its tables at once
        check_pages(database)
        storage = _checked(url, connect_args={"timeout": BUSY_SECONDS})
        with storage.engine.connect() as connection:  # readers and the driver do not wait
            connection.execute(sqlalchemy.text("PRAGMA journal_mode=WAL"))
    return storage


def _open_server(url: str) -> optuna.storages.RDBStorage:
    parsed = sqlalchemy.make_url(url)
    settings: dict[str, Any] = {}
    if parsed.get_backend_name() == "postgresql":
        silence = {key: value for key, value in SILENCE.items() if key not in parsed.query}
        settings = {"connect_args": silence, "pool_events": [(_limit_holding, "connect")]}
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, **settings)
    with server_lock(engine, "tables"):  # two may not create them at once
        return _checked(url, pool_pre_ping=True, **settings)


def _checked(url: str, **engine: Any) -> optuna.storages.RDBStorage:
    """Optuna's storage. Raises RuntimeError where its tables are of another version of Optuna.

    Optuna reads all its migrations each time to know its newest version; here a process does once.
    """
    storage = optuna.storages.RDBStorage(url, engine, skip_compatibility_check=True)
    if not NEWEST:
        NEWEST.append(storage.get_head_version())
    if storage.get_current_version() != NEWEST[0]:
        storage.engine.dispose()
        return optuna.storages.RDBStorage(url, engine)  # which says it in its words
    return storage


def _limit_holding(connection: Any, _: object) -> None:
    """Have the server end a connection whose driver was stopped, or lost its power, with a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET idle_in_transaction_session_timeout = '{HELD_SECONDS}s'; "
            f"SET tcp_keepalives_idle = {HELD_SECONDS // 2}; SET tcp_keepalives_interval = 10; "
            "SET tcp_keepalives_count = 3"
        )
    connection.commit()


@contextlib.contextmanager
def server_lock(engine: sqlalchemy.Engine, name: str) -> Iterator[None]:
    """Hold a lock among all that use a PostgreSQL database; it ends with the connection."""
    if engine.dialect.name != "postgresql":
        yield  # SQLite has one driver
        return
    with engine.begin() as connection:
        connection.execute(
            sqlalchemy.text("SELECT pg_advisory_xact_lock(hashtext(:name))"),
            {"name": f"rnnsearch {name}"},
        )
        yield


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database; None of a server. Raises StorageError without a file."""
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:":
        raise StorageError("storage: a study must outlive its process; name a SQLite file")
    return Path(parsed.database)


@contextlib.contextmanager
def storage_errors(url: str, *more: type[Exception]) -> Iterator[None]:
    """What goes wrong with a storage (or is one of `more`), in one line, without its password.

    What values of the storage can raise that are not as they were written is told too, where they
    are not; else it passes.
    """
    try:
        yield
    except (*STORAGE_ERRORS, *UNREADABLE, *more) as error:
        told = isinstance(error, (*STORAGE_ERRORS, *more))
        line = error_line(error)
        unreadable = is_malformed(line) or isinstance(error, UNREADABLE)
        if unreadable and (found := _damage(url)):
            raise found from None
        if not told:
            raise
        remedy = (
            "check [run] storage, RNNSEARCH_STORAGE or --storage, and that the server is up"
            if not _is_full(line)
            else "make room there; nothing that was told before is lost"
        )
        raise StorageError(
            f"{shown_uri(url)}: the study storage does not answer as it should: {line}; {remedy}"
        ) from None


def _damage(url: str) -> StorageError | None:
    """What is damaged in an SQLite file, where it is; a server's disk is its own affair."""
    try:
        database = sqlite_file(url)
    except (StorageError, sqlalchemy.exc.SQLAlchemyError, ValueError):
        return None
    fault = find_damage(database) if database is not None else None
    return None if database is None or fault is None else damaged(database, fault)


def damage_of(error: Exception) -> StorageError | None:
    """Whether an error nobody foresaw comes of damage to the store that was opened last."""
    if isinstance(error, OSError):
        return None
    return next(filter(None, map(_damage, OPENED)), None)


def error_line(error: Exception) -> str:
    """What a storage's error says, in one line."""
    cause: Any = error.__cause__ or error
    return first_line(getattr(cause, "orig", None) or cause)


def _is_full(line: str) -> bool:
    return "disk is full" in line or os.strerror(errno.ENOSPC) in line

"""The forecasts that were made for use, each once: one table in each storage, for all its studies.

A forecast is told from others by study, weights, origin and sessions ahead. The same one made again
is the first one, so whoever repeats a command, or is killed in it, changes nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy
from sqlalchemy.schema import CreateTable

from rnnsearch.search.store.cached import INSERT
from rnnsearch.search.store.databases import server_lock
from rnnsearch.search.store.entries import JOURNAL, Entry
from rnnsearch.search.store.store import Store

_TABLE = sqlalchemy.Table(
    JOURNAL,
    sqlalchemy.MetaData(),
    sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
    sqlalchemy.Column("study", sqlalchemy.String(512)),
    sqlalchemy.Column("study_id", sqlalchemy.String(64), nullable=False),
    sqlalchemy.Column("version", sqlalchemy.String(64), nullable=False),
    sqlalchemy.Column("origin", sqlalchemy.String(32), nullable=False),
    sqlalchemy.Column("ahead", sqlalchemy.Integer, nullable=False),
    sqlalchemy.Column("said", sqlalchemy.Text, nullable=False),
    sqlalchemy.Column("outcome", sqlalchemy.Text),
    sqlalchemy.UniqueConstraint("study_id", "version", "origin", "ahead"),
)
_KEY = ("study_id", "version", "origin", "ahead")


def append(store: Store, entries: Sequence[Entry]) -> int:
    """Write down those that are not there yet, all of them or none; returns how many they were."""
    engine = store.engine
    with server_lock(engine, "tables"), engine.begin() as connection:  # two may not create it
        connection.execute(CreateTable(_TABLE, if_not_exists=True))
    rows = [entry.columns() | _whose(store) for entry in entries]
    insert = INSERT[engine.dialect.name](_TABLE).on_conflict_do_nothing(index_elements=_KEY)
    with engine.begin() as connection:
        written = insert.returning(_TABLE.c.id)
        return sum(len(connection.execute(written.values(row)).all()) for row in rows)


def entries(store: Store) -> list[Entry]:
    """All of the study, in the order in which they were written down."""
    if not sqlalchemy.inspect(store.engine).has_table(JOURNAL):
        return []
    names = ("version", "origin", "ahead", "said", "outcome")
    query = sqlalchemy.select(*(_TABLE.c[name] for name in names))
    query = query.where(_TABLE.c.study_id == store.id).order_by(_TABLE.c.id)
    with store.engine.connect() as connection:
        return [Entry.from_columns(*row) for row in connection.execute(query)]


def settle(store: Store, known: Iterable[Entry]) -> None:
    """Note the outcomes of entries that are there, in place of what was noted of them before."""
    with store.engine.begin() as connection:
        for entry in known:
            row = entry.columns() | _whose(store)
            where = [_TABLE.c[name] == row[name] for name in _KEY]
            change = sqlalchemy.update(_TABLE).where(*where)
            connection.execute(change.values(outcome=row["outcome"]))


def _whose(store: Store) -> dict[str, Any]:
    return {"study": store.name, "study_id": store.id}

"""Who has looked at which locked rows: one ledger in each storage, for all of its studies.

What a look uses up are the data, whichever study looked: a fork, a copy under another name, a file
that has grown by a month. So an opening is entered with a mark of every row that it showed, made of
the row's date and the move of the price on it, and openings that share rows are of one test.
"""

import hashlib
import time
from dataclasses import dataclass

import numpy as np
import sqlalchemy
from numpy.typing import NDArray

from rnnsearch.search.store.databases import server_lock
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.packing import LEDGER, pack_marks, unpack_marks

SHARED = 0.1
"""Openings are of one test where they share this much of the smaller one's rows: more than the
sessions on which two series happen to move alike."""

_TABLE = sqlalchemy.Table(
    LEDGER,
    sqlalchemy.MetaData(),
    sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
    sqlalchemy.Column("study", sqlalchemy.String(512)),
    sqlalchemy.Column("study_id", sqlalchemy.String(64)),
    sqlalchemy.Column("opened", sqlalchemy.String(32)),
    sqlalchemy.Column("marks", sqlalchemy.Text),
)


@dataclass(frozen=True)
class Opening:
    """The `number`-th opening of a test (1 is the first); `others` are the other studies that had
    opened it before."""

    id: int
    number: int
    others: tuple[str, ...] = ()


def marks(
    dates: NDArray[np.datetime64], prices: NDArray[np.float64], rows: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """One number per target row on which the price moved: (m,), m <= n.

    The move is told to six digits, so that a file saved by another program has the same marks. A
    price that stood still says nothing about whose it is.
    """
    before, after = prices[rows - 1], prices[rows]
    moves = (after - before) / np.maximum(np.abs(before), 1e-300)
    days = dates.astype("datetime64[s]")[rows].astype(np.int64)
    found = [
        int.from_bytes(hashlib.blake2b(f"{day} {move:.5f}".encode(), digest_size=8).digest())
        for day, move in zip(days.tolist(), moves.tolist(), strict=True)
        if abs(move) >= 5e-6
    ]
    return np.array(sorted(set(found)), dtype=np.uint64)


def open_test(store: Store, own: NDArray[np.uint64]) -> Opening:
    """Enter an opening of the rows with these marks, before they are looked at."""
    engine = store.engine
    with server_lock(engine, "tables"):  # two may not create it at once
        _TABLE.create(engine, checkfirst=True)
    entry = {
        "study": store.name,
        "study_id": store.id,
        "opened": time.strftime("%Y-%m-%d %H:%M:%S"),
        "marks": pack_marks(own),
    }
    with engine.begin() as connection:
        entered = connection.execute(sqlalchemy.insert(_TABLE).values(entry)).inserted_primary_key
    assert entered is not None
    key = int(entered[0])
    store.note("openings", store.openings + 1)
    # Entered first and counted then: of two at once one is the second.
    before = [(study, other) for i, study, other in _sharing(store, own) if i < key]
    others = tuple(dict.fromkeys(study for study, other in before if other != store.id))
    return Opening(key, 1 + len(before) + _before_the_ledger(store), others)


def openings_so_far(store: Store, opening: int) -> int:
    """How often the test of an earlier opening, by its id, has been opened by now."""
    with store.engine.connect() as connection:
        query = sqlalchemy.select(_TABLE.c.marks).where(_TABLE.c.id == opening)
        text = connection.execute(query).scalar()
    own = unpack_marks(text or "")
    return len(_sharing(store, own)) + _before_the_ledger(store)


def _sharing(store: Store, own: NDArray[np.uint64]) -> list[tuple[int, str, str]]:
    """Id, study and study id of the openings of this test, in order."""
    with store.engine.connect() as connection:
        entries = connection.execute(sqlalchemy.select(_TABLE).order_by(_TABLE.c.id)).all()
    found = []
    for entry in entries:
        known = unpack_marks(entry.marks)
        shared = len(np.intersect1d(known, own, assume_unique=True))
        if shared and shared >= SHARED * min(len(known), len(own)):
            found.append((int(entry.id), str(entry.study), str(entry.study_id)))
    return found


def _before_the_ledger(store: Store) -> int:
    """Openings of this study from before there was a ledger."""
    with store.engine.connect() as connection:
        query = sqlalchemy.select(sqlalchemy.func.count()).where(_TABLE.c.study_id == store.id)
        entered = int(connection.execute(query).scalar() or 0)
    return max(store.openings - entered, 0)

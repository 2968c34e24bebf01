"""The data of all series, each read with every check there is."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rnnsearch.config import StudyFile
from rnnsearch.data.inputs.build import build_inputs
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import DataError, RnnsearchError, cut
from rnnsearch.language import _, counted
from rnnsearch.language.notices import said
from rnnsearch.many.family import Family, Member
from rnnsearch.search.problem import Problem, cache_folder
from rnnsearch.search.side_by_side import Reading, side_by_side, silently

Say = Callable[[str], None]

MANY = 160
"""Series from which on several processes build the tables: each is read twice then."""


@dataclass(frozen=True)
class Read:
    """problems: of the members that can be used, in order; bad: why the others cannot."""

    problems: dict[Member, Problem]
    bad: dict[Member, str]


def read_all(family: Family, say: Say, *, tried: bool = False, reading: Reading = silently) -> Read:
    """The problem of every series. `tried`: as of `Problem.load`; `reading` is told how many are
    read.

    With `skip_bad`, those that cannot be used are told and left out. Raises DataError where there
    are such without it, with the reason of each, or where none can be used.
    """
    read = try_all(family, tried=tried, reading=reading)
    if not read.bad:
        return read
    told = [f"{member.series}: {cut(reason)}" for member, reason in read.bad.items()]
    count = f"{len(told)} of {len(family.members)} series cannot be used"
    if not read.problems or not family.study.data.skip_bad:
        remedy = "; correct or remove " + ("it" if len(told) == 1 else "them")
        if read.problems:
            remedy += ", or leave such series out with skip_bad = true in [data]"
        raise DataError("\n".join([f"{family.name}: {count}{remedy}.", *told]))
    say(
        counted(
            "{count} of {every} series cannot be used and is left out (skip_bad):",
            "{count} of {every} series cannot be used and are left out (skip_bad):",
            len(told),
            every=len(family.members),
        )
    )
    for text in told:
        say(f"  {text}")
    return read


def try_all(family: Family, *, tried: bool = False, reading: Reading = silently) -> Read:
    """The same, with those that cannot be used beside the others."""
    problems: dict[Member, Problem] = {}
    bad: dict[Member, str] = {}
    reading(0, len(family.members))
    for done, member in enumerate(_prepared(family.members), start=1):
        try:
            # What is the user's own code is the same for all: once tried, it is tried.
            problems[member] = Problem.load(member.study, tried=tried and not problems)
        except DataError as error:
            bad[member] = str(error)
        reading(done, len(family.members))
    return Read(problems, bad)


def _prepared(members: Sequence[Member]) -> Iterator[Member]:
    """Each, once what takes long of it is in the cache; by several processes where it is not.

    Whether it is, the first tells: a search is of all, or goes on.
    """
    cache = cache_folder()
    before = set(cache.glob("*.npy"))
    yield members[0]
    few, own = len(members) < MANY, members[0].study.code
    if few or own or set(cache.glob("*.npy")) == before:
        yield from members[1:]
        return
    others = members[1:]
    built = side_by_side(partial(_build, cache), [member.study for member in others])
    for member, _built in zip(others, built, strict=True):
        yield member


def _build(cache: Path, study: StudyFile) -> None:
    """The table of a series, in the cache; what cannot be used is told where it is read again."""
    with contextlib.suppress(RnnsearchError):
        build_inputs(read_prices(study.data), study, cache)


def notes(read: Read) -> Iterator[str]:
    """What is odd in the data, once where it is so in many series; in the user's language."""
    series: dict[str, list[str]] = {}
    for member, problem in read.problems.items():
        for note in problem.notes:
            plain = note.removeprefix(f"{problem.prices.name}: ")
            series.setdefault(plain, []).append(member.series)
    for note, names in series.items():
        who = names[0]
        if len(names) > 1:
            who = _("{names} and {count} more", names=who, count=len(names) - 1)
        yield said(f"{who}: {note}")

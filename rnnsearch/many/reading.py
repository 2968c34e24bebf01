"""The data of all series, each read with every check there is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rnnsearch.errors import DataError, cut
from rnnsearch.many.family import Family, Member
from rnnsearch.search.problem import Problem

Say = Callable[[str], None]


@dataclass(frozen=True)
class Read:
    """problems: of the members that can be used, in order; bad: why the others cannot."""

    problems: dict[Member, Problem]
    bad: dict[Member, str]


def read_all(family: Family, say: Say, *, tried: bool = False) -> Read:
    """The problem of every series. `tried`: as of `Problem.load`.

    With `skip_bad`, those that cannot be used are told and left out. Raises DataError where there
    are such without it, with the reason of each, or where none can be used.
    """
    read = try_all(family, tried=tried)
    if not read.bad:
        return read
    told = [f"{member.series}: {cut(reason)}" for member, reason in read.bad.items()]
    count = f"{len(told)} of {len(family.members)} series cannot be used"
    if not read.problems or not family.study.data.skip_bad:
        remedy = "; correct or remove " + ("it" if len(told) == 1 else "them")
        if read.problems:
            remedy += ", or leave such series out with skip_bad = true in [data]"
        raise DataError("\n".join([f"{family.name}: {count}{remedy}.", *told]))
    say(f"{count} and {'is' if len(told) == 1 else 'are'} left out (skip_bad):")
    for text in told:
        say(f"  {text}")
    return read


def try_all(family: Family, *, tried: bool = False) -> Read:
    """The same, with those that cannot be used beside the others."""
    problems: dict[Member, Problem] = {}
    bad: dict[Member, str] = {}
    for member in family.members:
        try:
            # What is the user's own code is the same for all: once tried, it is tried.
            problems[member] = Problem.load(member.study, tried=tried and not problems)
        except DataError as error:
            bad[member] = str(error)
    return Read(problems, bad)


def notes(read: Read) -> Iterator[str]:
    """What is odd in the data, once where it is so in many series."""
    series: dict[str, list[str]] = {}
    for member, problem in read.problems.items():
        for note in problem.notes:
            plain = note.removeprefix(f"{problem.prices.name}: ")
            series.setdefault(plain, []).append(member.series)
    for note, names in series.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"{names[0]}{more}: {note}"

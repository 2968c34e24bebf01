"""The studies that one study file makes, a series each.

A series' study is the one that its file alone would make, under the name STUDY.SERIES: its trials,
its lease, its openings and its runs in MLflow are its own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from rnnsearch.config import StudyFile, digest
from rnnsearch.config.data import EVERY
from rnnsearch.data.listing import is_pattern, list_series
from rnnsearch.errors import DataError, StudyFileError, shown
from rnnsearch.shown import some

UNFIT = re.compile(r"[^\w.-]+")
LONGEST = 100  # characters of a study's name
OFFERED = 10  # names in a message


@dataclass(frozen=True, eq=False)
class Member:
    """series: its name, as the file has it; study: its own."""

    series: str
    study: StudyFile


@dataclass(frozen=True)
class Family:
    """study: as the file says it; members: a study each, in the order of the files or the file, all
    or those that are `only` asked for; every: all of them.
    """

    study: StudyFile
    members: tuple[Member, ...]
    every: tuple[Member, ...]

    @property
    def name(self) -> str:
        return self.study.name

    def only(self, wanted: Sequence[str]) -> "Family":
        """Those of the series that are named, all where none is. Raises StudyFileError."""
        if not wanted:
            return self
        return replace(self, members=tuple(dict.fromkeys(map(self.member, wanted))))

    def member(self, series: str) -> Member:
        """The one of this name, in any case; 0050 is also 50. Raises StudyFileError."""
        each = {one.series: one for one in self.every}
        return each[named(series, list(each), f"study {self.name} has no series")]


def named(series: str, names: Sequence[str], lacks: str, has: str = "it has") -> str:
    """The one of these names that is meant; `lacks` begins the sentence that there is none.

    Raises StudyFileError.
    """
    for same in (str, str.casefold, _bare):
        found = [one for one in names if same(one) == same(series)]
        if len(found) == 1:
            return found[0]
    near = get_close_matches(series, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise StudyFileError(f"--series: {lacks} {shown(series)}; {hint}{has} {_listed(names)}")


def family_of(study: StudyFile) -> Family | None:
    """The studies that a study file makes; None where it is of one series.

    Raises DataError where it names many, and none can be found.
    """
    data = study.data
    if data.path is None or data.pool:  # which all train one network: one study
        return None
    sure = EVERY in data.series or is_pattern(data.path)
    if not sure and len(data.series) < 2:
        return None
    try:
        found = list_series(data)
    except DataError:
        if sure:
            raise
        return None  # names that narrow one series down, of a file that is told where it is read
    members = [
        Member(one.name, study.of_series(study_name(study.name, one.name), one.path, one.series))
        for one in found
    ]
    return Family(study, tuple(members), tuple(members)) if members else None


def one_of(study: StudyFile, series: Sequence[str]) -> StudyFile:
    """The study itself, or that of its one series that is named, for what is told of one alone.

    Raises StudyFileError where one of many has to be named, or one is named of none.
    """
    family = family_of(study)
    if family is None:
        if series and study.data.pool:
            raise StudyFileError(
                f"--series: study {study.name} has one network for all of its series (pool = "
                "true), so none is named; leave it out (predict alone takes it: whose forecasts "
                "are shown)"
            )
        if series:
            raise StudyFileError(
                f"--series: study {study.name} is of one series, so none is named; leave it out"
            )
        return study
    if len(series) != 1:
        names = [one.series for one in family.members]
        raise StudyFileError(
            f"study {study.name} has {len(names)} series ({_listed(names)}), and this is told of "
            f"one; name it, as --series {names[0]}, in Python series={names[0]!r}"
        )
    return family.member(series[0]).study


def series_names(text: str | None) -> tuple[str, ...]:
    """2330,2454 of the flag."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def study_name(study: str, series: str) -> str:
    """The name of the study of a series.

    What does not fit in a name is told apart by a digest, whatever other series there are.
    """
    name = f"{study}.{UNFIT.sub('_', series)}"
    if name == f"{study}.{series}" and len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 9]}-{digest(series)[:8]}"


def _bare(name: str) -> str:
    return name.strip().casefold().lstrip("0")


def _listed(names: Sequence[str]) -> str:
    return some([name[:40] for name in names], OFFERED)

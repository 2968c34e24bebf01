"""What a search of all series would do, told before it does it."""

from dataclasses import dataclass

import pandas as pd

from rnnsearch.language import _
from rnnsearch.many.family import Family
from rnnsearch.many.reading import Read, notes, read_all
from rnnsearch.prepare.preview import Check, check


@dataclass(frozen=True)
class CheckAll:
    """series: a table, a row each; first: the check of the first that can be used."""

    facts: list[str]
    series: pd.DataFrame
    first: Check
    warnings: tuple[str, ...]


def check_all(family: Family) -> CheckAll:
    """Read every series, and train a tiny trial of the first, as `prepare.check` does.

    Raises what `search` would raise.
    """
    warnings: list[str] = []
    read = read_all(family, warnings.append, tried=True)
    member = next(iter(read.problems))
    first = check(member.study)
    count = len(read.problems)
    facts = [
        _(
            "data: {study} has {count} series, each of them a study of its own",
            study=family.name,
            count=count,
        ),
        _(
            "what follows is {series}, the first of them; all together take about {count} times "
            "as long",
            series=member.series,
            count=count,
        ),
    ]
    return CheckAll(facts, _table(read), first, (*warnings, *notes(read)))


def _table(read: Read) -> pd.DataFrame:
    rows = []
    for member, problem in read.problems.items():
        dates, split = problem.prices.dates, problem.split
        rows.append(
            {
                _("series"): member.series,
                _("sessions"): len(dates),
                _("first"): f"{dates[0]:%Y-%m-%d}",
                _("last"): f"{dates[-1]:%Y-%m-%d}",
                _("inputs"): len(problem.table.names),
                _("locked"): len(split.test),
            }
        )
    return pd.DataFrame(rows)

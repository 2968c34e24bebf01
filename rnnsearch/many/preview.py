"""What a search of all series would do, told before it does it."""

from dataclasses import dataclass

import pandas as pd

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
        f"data: {family.name} has {count} series, each of them a study of its own",
        f"what follows is {member.series}, the first of them; all together take about {count} "
        "times as long",
    ]
    return CheckAll(facts, _table(read), first, (*warnings, *notes(read)))


def _table(read: Read) -> pd.DataFrame:
    rows = []
    for member, problem in read.problems.items():
        dates, split = problem.prices.dates, problem.split
        rows.append(
            {
                "series": member.series,
                "sessions": len(dates),
                "first": f"{dates[0]:%Y-%m-%d}",
                "last": f"{dates[-1]:%Y-%m-%d}",
                "inputs": len(problem.table.names),
                "locked": len(split.test),
            }
        )
    return pd.DataFrame(rows)

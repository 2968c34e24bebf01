"""Many series read for one network: the prices of all, and their inputs in one table.

Each is read with every check that one alone is read with, and has a table of its own in the cache;
of these the one table is made.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rnnsearch.config import StudyFile
from rnnsearch.data.inputs.build import InputTable, build_inputs
from rnnsearch.data.inputs.functions import check_same, try_functions
from rnnsearch.data.inputs.panel import panel_inputs, without_values
from rnnsearch.data.listing import Listed, list_series
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.data.prices.panel import Panel, slimmed
from rnnsearch.errors import DataError, cut
from rnnsearch.search.side_by_side import Reading, side_by_side, silently

TOLD = 20  # series that cannot be used, in a message


@dataclass(frozen=True, eq=False)
class Pool:
    """The prices of all, what the table of each is, without its values, and the table of all."""

    panel: Panel
    tables: tuple[InputTable, ...]
    table: InputTable


def read_pool(
    study: StudyFile, cache: Path, *, tried: bool = False, reading: Reading = silently
) -> Pool:
    """Read every series that `[data]` names. `tried`, `reading`: as of `Problem.load`.

    With `skip_bad`, those that cannot be used are left out, which the panel's warnings tell. Raises
    DataError where there are such without it, or fewer than two that can be used.
    """
    found = list_series(study.data)
    place = study.data.path
    assert place is not None  # the study file says so
    if len(found) < 2:
        names = ", ".join(one.name for one in found) or "one series"
        raise DataError(
            f"{place.name}: pool = true needs two series or more, and [data] names {names}; name "
            'more, as path = "stocks/*.csv" or series = "*", or remove pool'
        )
    good: dict[str, tuple[Prices, InputTable]] = {}
    bad: dict[str, str] = {}
    reading(0, len(found))
    each = _read_all(study, found, cache, tried=tried)
    for done, (one, read) in enumerate(zip(found, each, strict=True), start=1):
        reading(done, len(found))
        if isinstance(read, str):
            bad[one.name] = read
        else:
            good[one.name] = read
    count = f"{len(bad)} of {len(found)} series cannot be used"
    reasons = [f"{name}: {cut(reason)}" for name, reason in bad.items()]
    if bad and (len(good) < 2 or not study.data.skip_bad):
        remedy = "; correct or remove " + ("it" if len(bad) == 1 else "them")
        if len(good) > 1:
            remedy += ", or leave such series out with skip_bad = true in [data]"
        more = [f"and {len(bad) - TOLD} more"] if len(bad) > TOLD else []
        raise DataError("\n".join([f"{place.name}: {count}{remedy}.", *reasons[:TOLD], *more]))
    ways: dict[str, str] = {}
    for name, (prices, _) in good.items():
        ways.setdefault(prices.how, name)
    if len(ways) > 1:
        told = "; ".join(f"{name} by {how or 'nothing'}" for how, name in ways.items())
        raise DataError(
            f"{place.name}: what is forecast would be measured in several ways: {told}; give all "
            "series the same columns of prices"
        )
    panel = Panel.of(f"{place.name} ({len(good)} series)", {n: p for n, (p, _) in good.items()})
    if bad:
        told = f"{count} and {'is' if len(bad) == 1 else 'are'} left out (skip_bad): "
        told += "; ".join(reasons[:TOLD])
        panel = replace(panel, warnings=(told, *panel.warnings))
    tables = {name: table for name, (_, table) in good.items()}
    return Pool(panel, tuple(tables.values()), panel_inputs(tables, len(panel.dates), cache))


def _read_all(
    study: StudyFile, found: tuple[Listed, ...], cache: Path, *, tried: bool
) -> Iterator[tuple[Prices, InputTable] | str]:
    """Of each series, or why it cannot be used; as soon as it is read."""
    read = partial(_read, study, cache)
    yield _read(study, cache, found[0], tried=tried)
    # Modules of one's own are imported in this process alone.
    each = map(read, found[1:]) if study.code else side_by_side(read, found[1:])
    yield from each


def _read(
    study: StudyFile, cache: Path, one: Listed, *, tried: bool = False
) -> tuple[Prices, InputTable] | str:
    """What is the user's own code is the same for all: once tried, it is tried."""
    own = study.of_series(study.name, one.path, one.series)
    try:
        prices = read_prices(own.data)
        module = own.module if tried else None
        made = try_functions(prices, module) if module else None
        table = build_inputs(prices, own, cache)
        if module is not None and made is not None:
            check_same(made, table.names, table.values, prices, module)
        kept = prices if own.module else slimmed(prices)  # functions may use any column
        return kept, without_values(table)
    except DataError as error:
        return str(error)

"""A first study file for a price file: ranges that its length allows, each with a comment.

The text is in `study.toml.j2`; here is what it is filled with.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jinja2
import numpy as np
import pandas as pd

from rnnsearch import targets
from rnnsearch.config import DataSection, StudyFile
from rnnsearch.config.sections import NAME_RULE
from rnnsearch.config.toml import to_toml
from rnnsearch.data.atomic import replace_file
from rnnsearch.data.markets.calendars import next_sessions
from rnnsearch.data.markets.proposals import likely_market
from rnnsearch.data.prices.load import Prices
from rnnsearch.data.prices.refusals import OHLC
from rnnsearch.errors import StudyFileError
from rnnsearch.language import _, listed, marked
from rnnsearch.prepare.look import SMALLEST, look
from rnnsearch.search.problem import Problem


@dataclass(frozen=True)
class Size:
    """What a file of `rows` or more rows allows, as TOML writes it."""

    rows: int
    trials: str
    folds: str
    validation: str
    layers: str
    neurons: str
    window: str
    epochs: str
    batch_size: str
    input_shift: str
    most: str  # inputs of a ranked set; "" is as many as there are
    indicators: bool = True


SIZES = (
    Size(
        rows=2000,
        trials="50",
        folds="3",
        validation="0.1",
        layers="[1, 2]",
        neurons="{ low = 8, high = 64, log = true }",
        window="{ low = 5, high = 40 }",
        epochs="{ low = 5, high = 30 }",
        batch_size="[64, 128, 256]",
        input_shift="{ low = 0, high = 3 }",
        most="",
    ),
    Size(
        rows=700,
        trials="40",
        folds="3",
        validation="0.1",
        layers="[1, 2]",
        neurons="{ low = 4, high = 32, log = true }",
        window="{ low = 4, high = 20 }",
        epochs="{ low = 5, high = 40 }",
        batch_size="[32, 64, 128]",
        input_shift="{ low = 0, high = 2 }",
        most="30",
    ),
    Size(
        rows=300,
        trials="30",
        folds="2",
        validation="0.15",
        layers="1",
        neurons="[4, 8, 16]",
        window="{ low = 3, high = 10 }",
        epochs="{ low = 5, high = 40 }",
        batch_size="[16, 32, 64]",
        input_shift="[0, 1]",
        most="12",
    ),
    Size(
        rows=SMALLEST,
        trials="20",
        folds="1",
        validation="0.25",
        layers="1",
        neurons="[2, 4, 8]",
        window="{ low = 2, high = 5 }",
        epochs="{ low = 5, high = 40 }",
        batch_size="[16, 32]",
        input_shift="0",
        most="4",
        indicators=False,  # they need 80 rows to warm up
    ),
)
# Longest median step in days; what such rows are, what several are called, output shifts that fit.
BARS = (
    (0.8, marked("intraday"), marked("bars"), "{ low = 1, high = 5 }"),
    (4, marked("daily"), marked("days"), "{ low = 1, high = 5 }"),
    (10, marked("weekly"), marked("weeks"), "[1, 2, 4]"),
    (45, marked("monthly"), marked("months"), "[1, 3]"),
    (np.inf, marked("long"), marked("bars"), "1"),
)
SEARCHES = {
    "ranked": marked("the best k of a ranking learnt on training rows, and a switch per family"),
    "each": marked("a switch per input"),
    "all": marked("there is nothing to choose"),
}


@dataclass(frozen=True)
class Draft:
    """path: of the study file; facts: what was seen, a line each; warnings: what looks odd."""

    path: Path
    facts: list[str]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Drafted:
    """text: of a study file; tables: what it says, its data's path in full; facts, warnings: as of
    `Draft`.
    """

    text: str
    tables: dict[str, Any]
    facts: list[str]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Many:
    """A study of many series: the path that it is `called` by, what `[data]` says in place of what
    reads one of them alone (path, series, layout, skip_bad, missing, fill), and how many they are.
    """

    called: Path
    written: Mapping[str, Any]
    count: int


def init(
    data: Path,
    output: Path | None = None,
    *,
    target: str | None = None,
    series: tuple[str, ...] = (),
    columns: Literal["all", "none"] | tuple[str, ...] = "all",
    time_zone: str | None = None,
    calendar: str | None = None,
    force: bool = False,
    many: Many | None = None,
) -> Draft:
    """Look at a price file and write a study file for it that `check` and `search` take.

    `output` is studies/NAME.toml where that folder exists, else NAME.toml beside the data. A file
    that is there is overwritten with `force` alone. `target` is the column to forecast: the close,
    or the column that is most like one; `series` is the one to read of a file of several.
    `columns`, `time_zone` and `calendar` are those of `[data]`; of all columns, those that cannot
    be inputs are left out and told. `many`: the study is of many series, of which this is one.

    Raises DataError for a file that prices cannot be read from, or too few of them, StudyFileError
    for a wrong argument, StorageError where the study file cannot be written.
    """
    called = data if many is None else many.called
    name = re.sub(r"[^\w.-]+", "_", called.stem).lstrip("_.-") or "study"
    folder = Path("studies") if Path("studies").is_dir() else called.parent
    path = output or folder / f"{name}.toml"
    if path.suffix != ".toml" or not NAME_RULE.fullmatch(path.stem):
        raise StudyFileError(
            f"--output: a study file is called like mine.toml, of letters, digits, '_', '-' and "
            f"'.', got {path.name!r}"
        )
    if path.exists() and not force:
        raise StudyFileError(
            f"{path}: is there already; name another file with --output, or overwrite it with "
            f"--force"
        )
    given = {"series": series, "columns": columns, "time_zone": time_zone, "calendar": calendar}
    drafted = lay_out(data, path, target, given, many)
    try:
        content = drafted.text.encode()
    except UnicodeEncodeError:
        raise StudyFileError(
            f"{str(data)[:200]!r}: a study file is UTF-8, and the name of the data is not; rename "
            f"the data"
        ) from None
    replace_file(path, lambda file: file.write(content))
    return Draft(path, drafted.facts, drafted.warnings)


def lay_out(
    data: Path,
    path: Path,
    target: str | None = None,
    given: Mapping[str, Any] | None = None,
    many: Many | None = None,
) -> Drafted:
    """What `init` would write at `path` and say, and nothing written.

    `given`: series, columns, time_zone and calendar of `[data]`, where the user has told them.
    """
    defaults = {"series": (), "columns": "all", "time_zone": None, "calendar": None}
    given = (
        defaults | dict(given or {}) | ({} if many is None else {"layout": many.written["layout"]})
    )
    prices, section, left_out = look(data, target, given)
    next_sessions(section.calendar, prices.dates, 1)  # raises for another market's
    text = _text(prices, section, path, left_out, many)
    tables = tomllib.loads(text)
    tables["data"] |= {"path": data.absolute(), "series": section.series}
    problem = Problem.load(StudyFile.model_validate(tables))  # as `check` and `search` do
    told = (
        _("column {name!r} is no input: {why}", name=name, why=why)
        for name, why in left_out.items()
    )
    notes = (*prices.warnings, *problem.table.notes, *_chosen(prices, section), *told)
    return Drafted(text, tables, _facts(problem, told=target is not None), notes)


def bars(dates: pd.DatetimeIndex) -> tuple[str, str, str]:
    """What rows are (daily), what several are called (days), and output shifts that fit."""
    step = float(np.median(np.diff(dates.asi8))) / 86_400e6  # microseconds to days
    _step, kind, units, shifts = next(row for row in BARS if step <= row[0])
    return kind, units, shifts


# --- what the study file says -------------------------------------------------------------------


def _text(
    prices: Prices,
    section: DataSection,
    path: Path,
    left_out: dict[str, str],
    many: Many | None,
) -> str:
    data = section if many is None else section.model_copy(update=dict(many.written))
    kind, units, output_shift = bars(prices.dates)
    size = next(size for size in SIZES if len(prices.dates) >= size.rows)
    indicators, why = _indicators(prices, data, size)
    choices = len(prices.extras) + len(_own_inputs(prices)) * (indicators != "none")
    search = "ranked" if indicators == "all" or choices > 6 else "each" if choices else "all"
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rnnsearch.prepare", ""),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["toml"] = to_toml
    environment.filters["comment"] = _comment
    environment.globals["_"] = _
    text = environment.get_template("study.toml.j2").render(
        prices=prices,
        data=data,
        many=many,
        size=size,
        path=_written(data.path or Path(), path.parent),
        bars=kind,
        units=_(units),
        shape={
            "file": _comment(prices.name),
            "rows": len(prices.dates),
            "kind": _(kind),
            "first": prices.dates[0].date(),
            "last": prices.dates[-1].date(),
        },
        undated=next_sessions(None, prices.dates, 1) is None,
        market=likely_market((data.path or Path()).stem, prices.dates) or "XNYS",
        output_shift=output_shift if size.indicators else "1",
        indicators=indicators,
        why=why,
        search=search,
        left_out=left_out,
        past=prices.columns.past if prices.columns else (),
        searches=SEARCHES,
    )
    return "\n\n".join(map(_aligned, text.split("\n\n")))


def _indicators(prices: Prices, data: DataSection, size: Size) -> tuple[str | list[str], str]:
    """`indicators` of the study file, and why."""
    columns = set(prices.frame.columns)
    if not {"High", "Low", "Close"} <= columns:
        why = marked("the others need High, Low and Close")
    elif targets.get(data.predict).in_prices or _lowest(prices)[0] <= 0:
        why = marked("the others need prices above 0")
    elif not size.indicators:
        why = marked('"all" would cost 80 rows of warm-up')
    else:
        return "all", marked("of the ta library; or families, or names")
    return (["price"] if _own_inputs(prices) else "none"), why


def _chosen(prices: Prices, data: DataSection) -> Iterator[str]:
    """What was chosen because of the rows, where other rows would allow more."""
    if targets.get(data.predict).in_prices:
        row = int(np.argmax(prices.close <= 0))
        yield _(
            "{target} is {value:g} on {date}, which has no log return, so the level is forecast, "
            "without most indicators; if the row is wrong, correct it and begin again",
            target=data.target,
            value=prices.close[row],
            date=prices.dates[row].strftime("%Y-%m-%d"),
        )
    elif (lowest := _lowest(prices))[0] <= 0:
        yield _(
            "{file}: {column} in {row} is {value:g}, so most indicators are left out, which need "
            "prices above 0; if the row is wrong, correct it and begin again",
            file=prices.name,
            column=lowest[2],
            row=prices.rows[lowest[1]],
            value=lowest[0],
        )
    elif not next(size for size in SIZES if len(prices.dates) >= size.rows).indicators:
        yield _(
            "{count} rows are too few for indicators, which cost 80 rows of warm-up",
            count=len(prices.dates),
        )


def _lowest(prices: Prices) -> tuple[float, int, str]:
    """The first price that is not above 0, its row and its column; infinite where all are."""
    frame = prices.frame[[name for name in OHLC if name in prices.frame]]
    for name in frame:
        if (frame[name] <= 0).any():
            row = int(np.argmax(frame[name] <= 0))
            return float(frame[name].iloc[row]), row, str(name)
    return np.inf, 0, ""


def _own_inputs(prices: Prices) -> set[str]:
    """Columns of which `indicators = ["price"]` makes an input each."""
    columns = set(prices.frame.columns)
    return columns & ({"Volume", "Open", "High", "Low"} if "Close" in columns else {"Volume"})


def _written(data: Path, folder: Path) -> str:
    """The data's path from the study file's folder, where both lie in the current one."""
    data, folder, here = data.absolute(), folder.absolute(), Path.cwd()
    if data.is_relative_to(here) and folder.is_relative_to(here):
        return os.path.relpath(data, folder)
    return str(data)


def _comment(text: str) -> str:
    """On one line, whatever a file or column is called."""
    return "".join(one if one.isprintable() else " " for one in text)[:200]


def _aligned(block: str) -> str:
    """Lines with their comments under each other."""
    lines = [line.rpartition("  # ") for line in block.split("\n")]
    width = max((len(setting) for setting, mark, _ in lines if mark), default=0)
    return "\n".join(
        f"{setting:<{width if mark else 0}}{mark}{why}" for setting, mark, why in lines
    )


def _facts(problem: Problem, told: bool) -> list[str]:
    prices, data, split = problem.prices, problem.study.data, problem.split
    kind, units, _shifts = bars(prices.dates)
    what = _("target: {kind} of {target}", kind=data.predict, target=data.target)
    what += _(", adjusted for dividends and splits") if data.adjust else ""
    if not told and data.target != "Close":
        what += _(" (there is no Close; --target names another)")
    return [
        _(
            "data: {file}, {rows} {kind} bars, {first} to {last}",
            file=prices.name,
            rows=len(prices.dates),
            kind=_(kind),
            first=prices.dates[0].strftime("%Y-%m-%d"),
            last=prices.dates[-1].strftime("%Y-%m-%d"),
        ),
        _("columns: {names}", names=listed(prices.frame.columns)),
        what,
        _(
            "inputs: the target itself and {count} more to choose from",
            count=len(problem.table.names) - len(problem.table.always),
        ),
        _(
            "folds: {folds}, the last trains on {train} {units} and validates on {validation}; "
            "{test} are locked",
            folds=len(split.folds),
            train=len(split.folds[-1].train),
            units=_(units),
            validation=len(split.folds[-1].validation),
            test=len(split.test),
        ),
    ]

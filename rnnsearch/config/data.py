"""[data] and [[data.join]]: which prices, and when the sessions of their markets close."""

import difflib
import re
import zoneinfo
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rnnsearch.config.dimensions import Section
from rnnsearch.errors import shown
from rnnsearch.language import marked


class _TargetNames:
    """Looked up when they are needed: targets import numpy."""

    def __get_pydantic_json_schema__(self, *_: Any) -> dict[str, Any]:
        from rnnsearch import targets

        return {"type": "string", "anyOf": [{"enum": [*targets.ours()]}, {"type": "string"}]}


def _target(name: str) -> str:
    from rnnsearch import targets

    return targets.check(name)


def target_loss(name: str) -> str:
    """The loss that a target is learnt by."""
    from rnnsearch import targets

    return targets.get(name).loss


def target_package(name: str) -> str | None:
    """The installed package that brings a target, as "name==version"; None of ours."""
    from rnnsearch import targets

    return targets.package_of(name)


Predict = Annotated[str, AfterValidator(_target), _TargetNames()]
Sample = Literal["sp500", "nasdaq"]

CLOSE_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


def _close_time(text: str) -> str:
    if not CLOSE_TIME.fullmatch(text) or text == "00:00":
        midnight = "; a session that ends at midnight closes at 24:00" if text == "00:00" else ""
        raise ValueError(f'a close time is written "16:00" (24 hours), got {shown(text)}{midnight}')
    return text


def _time_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else 'write one like "America/New_York"'
        raise ValueError(f"there is no time zone {shown(name)}; {hint}") from None
    return name


class MarketSection(Section):
    """When the sessions of a market close: what `calendar` says, or one time in one zone."""

    close_time: Annotated[str, AfterValidator(_close_time)] | None = Field(
        default=None, description='When its sessions close, in its time zone: "16:00".'
    )
    time_zone: Annotated[str, AfterValidator(_time_zone)] | None = Field(
        default=None, description='Its time zone: "America/New_York".'
    )
    calendar: str | None = Field(
        default=None,
        description="An exchange_calendars name (XNYS, XTAI): close times, early ones too, zone.",
    )

    @model_validator(mode="after")
    def _told_once(self) -> Self:
        both = [name for name in ("close_time", "time_zone") if getattr(self, name) is not None]
        if self.calendar is not None and both:
            raise ValueError(
                f"a calendar gives close times and time zone, so {' and '.join(both)} cannot be "
                f"given with calendar = {shown(self.calendar)}; remove one or the other"
            )
        if self.close_time is not None and self.time_zone is None:
            raise ValueError(
                f"close_time = {shown(self.close_time)} needs a time_zone "
                f'such as "America/New_York", got none'
            )
        return self


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[^\W\d_]\w{0,39}", text):
        raise ValueError(
            f"a prefix has letters, digits and '_', starts with a letter and has at most 40 "
            f'characters, as "nasdaq_", got {shown(text)}'
        )
    return text


def _as_names(value: object) -> object:
    """One name or several; a ticker may be a number, 2330."""
    several = value if isinstance(value, list | tuple) else [] if value is None else [value]
    names = [
        str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in several
    ]
    if any(isinstance(one, str) and not one.strip() for one in names):
        raise ValueError('the name of a series is not empty; write series = "AAPL", or none')
    return tuple(names)


Series = Annotated[
    tuple[str, ...],
    BeforeValidator(_as_names, json_schema_input_type=str | tuple[str, ...]),
]


def _as_columns(value: object) -> object:
    """One name or several, none twice."""
    several = value if isinstance(value, list | tuple) else [] if value is None else [value]
    if any(isinstance(one, str) and not one.strip() for one in several):
        raise ValueError('the name of a column is not empty; write known_ahead = ["event"]')
    return tuple(dict.fromkeys(one if not isinstance(one, str) else one.strip() for one in several))


ColumnNames = Annotated[
    tuple[str, ...],
    BeforeValidator(_as_columns, json_schema_input_type=str | tuple[str, ...]),
]
SERIES_MEANING = marked(
    'Which series of a file of several: "AAPL", as a column, a header or a sheet has it.'
)
EVERY = "*"
"""As `series`: each of the file's."""
MOST_STEPS = 250
"""A year of sessions at once: more than that is a slip of the pen."""
Layout = Literal["auto", "wide"]
LAYOUT_MEANING = marked("wide: beside the date, each column is the close of a series of its name.")


class JoinSection(MarketSection):
    """A further series whose newest row known at the target's close becomes inputs."""

    path: Path | None = Field(
        default=None, description="File of prices, relative to the study file."
    )
    sample: Sample | None = Field(
        default=None, description="Daily prices 1999-2018 that come with the arch package."
    )
    prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        description='Begins the names of its inputs: "nasdaq_"; "nasdaq" is then their family.'
    )
    series: Series = Field(default=(), description=SERIES_MEANING)
    layout: Layout = Field(default="auto", description=LAYOUT_MEANING)
    columns: Literal["all", "none"] | tuple[str, ...] = Field(
        default="all", description="Extra columns of the file that become inputs."
    )
    indicators: Literal["all", "none"] | tuple[str, ...] = Field(
        default="none", description="All, none, or a list of families and indicator names."
    )
    adjust: bool = Field(
        default=False, description="Rescale open, high, low, close by the adjusted close."
    )
    missing: Literal["refuse", "drop"] = Field(
        default="refuse", description="Rows without every value; drop: they are left out."
    )
    fill: Literal["none", "forward"] = Field(
        default="none", description="Gaps of extra columns; forward: each has the last known value."
    )

    @property
    def family(self) -> str:
        return self.prefix.rstrip("_")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        _check_source(self.path, self.sample)
        return self


def _check_source(path: Path | None, sample: str | None) -> None:
    if (path is None) == (sample is None):
        raise ValueError(
            'give either path = "FILE" or sample = "sp500" | "nasdaq"'
            + (", not both" if path else "")
        )


class DataSection(MarketSection):
    """Which prices."""

    path: Path | None = Field(
        default=None,
        description='File of prices, relative to the study file; "stocks/*.csv": a search for '
        "each of the files.",
    )
    sample: Sample | None = Field(
        default=None, description="Daily prices 1999-2018 that come with the arch package."
    )
    target: str = Field(default="Close", description="The column that is forecast.")
    predict: Predict = Field(
        default="log_return",
        description="log_return: log(close[t+h]/close[t]); level: close[t+h]; direction: up?; "
        "volatility: log of the volatility of the sessions t+1..t+h; or "
        "the target of an installed package.",
    )
    steps: int = Field(
        default=1,
        ge=1,
        le=MOST_STEPS,
        description="How many sessions are forecast at once: a path of the output shift and the "
        "next ones.",
    )
    series: Series = Field(
        default=(),
        description='Which series of a file of several: "AAPL", as a column, a header or a sheet '
        'has it. "*", or a list of several: a search for each.',
    )
    layout: Layout = Field(default="auto", description=LAYOUT_MEANING)
    skip_bad: bool = Field(
        default=False,
        description="Of many series, leave out those that cannot be used, instead of refusing all.",
    )
    pool: bool = Field(
        default=False,
        description="Of many series: one network that all of them train, instead of a search each.",
    )
    columns: Literal["all", "none"] | tuple[str, ...] = Field(
        default="all", description="Extra columns of the file that become inputs."
    )
    known_ahead: ColumnNames = Field(
        default=(),
        description="Extra columns known before their date (holidays, announced events): inputs "
        "with the value at the target's date; rows past the last price may have them alone.",
    )
    adjust: bool = Field(
        default=False, description="Rescale open, high, low, close by the adjusted close."
    )
    missing: Literal["refuse", "drop"] = Field(
        default="refuse", description="Rows without every value; drop: they are left out."
    )
    fill: Literal["none", "forward"] = Field(
        default="none", description="Gaps of extra columns; forward: each has the last known value."
    )
    join: tuple[JoinSection, ...] = Field(
        default=(), description="Other markets whose prices become inputs."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        _check_source(self.path, self.sample)
        return self

    @model_validator(mode="after")
    def _target_is_unknown(self) -> Self:
        if self.target.casefold() in map(str.casefold, self.known_ahead):
            raise ValueError(
                f"known_ahead: the target, {shown(self.target)}, is what is forecast, and nobody "
                "knows it ahead; leave it out of known_ahead"
            )
        return self

    def unused_ahead(self) -> list[str]:
        """Columns that are said to be known ahead, but that `columns` makes no inputs."""
        if self.columns == "all":
            return []
        named = set() if isinstance(self.columns, str) else set(map(str.casefold, self.columns))
        return [name for name in self.known_ahead if name.casefold() not in named]

    @model_validator(mode="after")
    def _prefixes_differ(self) -> Self:
        families = [join.family for join in self.join]
        for number, family in enumerate(families):
            if family in families[:number]:
                raise ValueError(
                    f"each [[data.join]] needs a prefix of its own, but numbers "
                    f"{families.index(family) + 1} and {number + 1} have "
                    f"{self.join[number].prefix!r}; change one"
                )
        return self

"""Which inputs tell something about the price, and in which order to take them.

A recurrent network sees a window of every input at once. A ranking that is worth anything sees as
much: a signal that acts ten sessions later, or one that only turns the sign of another's effect.

*What is explained* is the change of the price in one session, `log(close[r] / close[r-1])`. The
return from t to t+h is a sum of such changes, so an input that tells something about any output
shift tells something about one of them, at some lag. Targets do not overlap, and one ranking serves
all output shifts. It serves levels and directions too: a level is today's level, which the naive
forecast knows already, plus the change; a direction is the sign of the change.

*How* inputs are compared is told in `pursuit`: the best of very many small terms is taken, then the
best for what is left, and so on. tests/bench/LOG.md has the figures, and what was tried before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats, Rows
from rnnsearch.search.inputs.pursuit import Looks, Step, normal_scores, pursue

MAX_ROWS = 5_000
"""Training rows looked at, the latest ones: they bound the time, and show effects of R² 1 %."""


@dataclass(frozen=True)
class InputEvidence:
    """What is known of one input.

    `evidence` is `-log(p * terms tried)` (see `pursuit`) after all inputs found before it; None for
    a column that was not looked at, being constant or the duplicate of another.

    The rest is None unless the input is found. `first_lag` and `last_lag` (equal for a single
    session) count back from the session whose change is explained: lag 1 is the origin of the
    shortest forecast. `partner` is the column that it acts together with.
    """

    column: int
    evidence: float | None = None
    first_lag: int | None = None
    last_lag: int | None = None
    partner: int | None = None
    duplicate_of: int | None = None

    @property
    def lags(self) -> tuple[int, ...]:
        """First and last lag of an input that is found, else nothing."""
        both = (self.first_lag, self.last_lag)
        return tuple(lag for lag in both if lag is not None)


@dataclass(frozen=True)
class Ranking:
    """All inputs, best first. The first `found` of them tell more than chance would.

    `rows` is how many training rows were looked at. Rankings are equal whatever time they took.
    """

    findings: tuple[InputEvidence, ...]
    found: int
    rows: int
    seconds: float = field(compare=False)

    @property
    def order(self) -> tuple[int, ...]:
        """Columns of the input table, best first."""
        return tuple(finding.column for finding in self.findings)

    def to_plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"findings": [asdict(finding) for finding in self.findings]}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Ranking":
        return cls(
            **plain | {"findings": tuple(InputEvidence(**each) for each in plain["findings"])}
        )


def usable_lags(*, max_window: int, input_shifts: Sequence[int], max_output_shift: int) -> range:
    """How many sessions before a change an input may lie, in any trial of a study.

    From 1 + s (the session after the origin changes, the window ends s before the origin) to
    (W-1) + S + H (the target's own session, the window's first row).
    """
    return range(1 + min(input_shifts), max_window + max(input_shifts) + max_output_shift)


def rank_inputs(
    values: NDArray[np.floating],
    close: Floats,
    train_rows: Rows,
    *,
    lags: range,
    ahead: Sequence[int] = (),
) -> Ranking:
    """Rank the columns of `values` (rows, F) by what they tell about `close` (rows,).

    Looks at `close` from the session before the first of `train_rows` (consecutive target rows) to
    the last of them, at `values` of the sessions before, back to `lags[-1]`, and at nothing else;
    there must be no NaN among them. Columns that are constant there, or repeat an earlier column,
    come last. Equal arguments give equal rankings. One thread.

    Columns `ahead` are known before their session, and every window that ends at a target has the
    value of the target's session: their lags begin at 0, the session that changes itself.

    Raises ValueError if the longest lag reaches back before the table.
    """
    started = perf_counter()
    rows, first = _rows(train_rows, lags)
    known = known_inputs(values, first, int(rows[-1]), lags, ahead)
    useless = useless_of(known)
    columns = [column for column in range(known.shape[1]) if column not in useless]
    changes = normal_scores(changes_of(close[first : rows[-1] + 1])[lags[-1] - 1 :])
    steps, rest = pursue(Looks(known[:, columns], lags), changes) if columns else ([], {})
    found = findings(steps, rest, columns, useless, lags[0], ahead)
    return Ranking(found, len(steps), len(rows), perf_counter() - started)


def findings(
    steps: Sequence[Step],
    rest: Mapping[int, float],
    columns: Sequence[int],
    useless: Mapping[int, int | None],
    shortest: int,
    ahead: Sequence[int],
) -> tuple[InputEvidence, ...]:
    """What `pursue` found, by the columns of the table: those chosen, the others, the useless.

    `columns` are those that it looked at, `shortest` the lag that shows those `ahead` at 0.
    """

    def finding(step: Step) -> InputEvidence:
        column = columns[step.column]
        first, last = (lag - (shortest if column in ahead else 0) for lag in step.lags)
        partner = None if step.partner is None else columns[step.partner]
        return InputEvidence(column, step.evidence, first, last, partner)

    return (
        *map(finding, steps),
        *(InputEvidence(columns[place], evidence) for place, evidence in rest.items()),
        *(InputEvidence(column, duplicate_of=other) for column, other in useless.items()),
    )


def useless_columns(
    values: NDArray[np.floating], train_rows: Rows, *, lags: range, ahead: Sequence[int] = ()
) -> dict[int, int | None]:
    """The columns that `rank_inputs` would not look at, and why.

    None for a column that is constant on the same sessions, else the number of the earlier column
    that it repeats there.
    """
    rows, first = _rows(train_rows, lags)
    return useless_of(known_inputs(values, first, int(rows[-1]), lags, ahead))


def _rows(train_rows: Rows, lags: range) -> tuple[Rows, int]:
    """The training rows looked at, and the first session at which inputs are."""
    rows = train_rows[-MAX_ROWS:]
    first = int(rows[0]) - lags[-1]
    if first < 0:
        raise ValueError(f"training row {rows[0]} has no session {lags[-1]} earlier")
    return rows, first


def known_inputs(
    values: NDArray[np.floating], first: int, last: int, lags: range, ahead: Sequence[int]
) -> NDArray[np.floating]:
    """What is looked at: rows `first` to `last - 1`, the session before the last change.

    Columns `ahead` are moved so that the shortest of `lags` shows the session of the change itself,
    and no later one is seen.
    """
    known = np.asarray(values[first:last])
    if len(ahead):
        known = known.copy()
        rows = np.minimum(np.arange(first, last) + lags[0], last)
        known[:, ahead] = values[rows][:, ahead]
    return known


def useless_of(known: NDArray[np.floating]) -> dict[int, int | None]:
    useless: dict[int, int | None] = {}
    seen: dict[bytes, int] = {}
    for column, values in enumerate(np.ascontiguousarray(known.T)):
        first = seen.setdefault(values.tobytes(), column)
        if (values == values[0]).all():
            useless[column] = None
        elif first != column:
            useless[column] = first
    return useless


def changes_of(close: Floats) -> Floats:
    """Log returns, or differences where a price is not positive: (n + 1,) -> (n,)."""
    changes: Floats = np.diff(np.log(close) if (close > 0).all() else close)
    return changes

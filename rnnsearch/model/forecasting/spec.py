"""What a forecaster is, as JSON beside its weights, with checksums of both."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from rnnsearch import targets
from rnnsearch.config import Predict
from rnnsearch.data.atomic import read_file
from rnnsearch.data.prices.load import Prices
from rnnsearch.errors import DataError, StorageError
from rnnsearch.targets import Start, TargetScale

FORMAT = 1
WEIGHTS, ABOUT = "weights.safetensors", "forecaster.json"
ALTERED = f"{ABOUT} is not as it was written"


@dataclass(frozen=True, kw_only=True)
class ForecasterSpec:
    """What a forecaster is, as JSON."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    study: str
    identity: str  # equal for forecasters that were made of the same data, parameters and seeds
    data: dict[str, Any]  # the study's [data], without its path
    calendar: str | None
    inputs: tuple[str, ...]
    indicators: tuple[str, ...]  # those of the inputs that are computed from the file's prices
    input_shifts: tuple[int, ...]  # one per input, in sessions
    predict: Predict
    cell: str
    neurons: tuple[int, ...]
    dropout: float  # idle in a forecast, but it decides how the layers are stored
    window: int
    head: str = "direct"
    output_shift: int
    target_mean: float
    target_scale: float
    target_start: Start = "none"  # see `targets.TargetScale`, as for the next two
    target_relative: bool = False
    target_least: float = 0.0
    later_scales: tuple[TargetScale, ...] = ()  # of the further steps of a path
    seeds: tuple[int, ...]
    trial: int  # number of the trial it comes from
    versions: dict[str, str]
    module: str | None = None  # the study's file of functions, where an input is of one
    code: dict[str, tuple[str, ...]] = field(default_factory=dict)  # see `kept_code.listed`
    known_ahead: tuple[str, ...] = ()  # those of the inputs whose window ends at the target
    measured: str = ""  # how what it forecasts was made of the file's prices, where it was
    # What trained it; 0 and "" of one that was made before this was kept.
    trained_rows: int = 0  # target rows
    trained_first: str = ""  # date of the first target
    trained_last: str = ""
    # Of many series that trained one network; see `pooled`.
    series: int = 0  # how many there were
    embedding: int = 0
    pooled: str = ""  # checksum of what is theirs
    refit_of: str = ""  # identity of the evaluated champion whose configuration this is
    quantiles: tuple[float, ...] = ()  # the levels that are forecast; without them points are

    @property
    def quantile_columns(self) -> tuple[str, ...]:
        """What forecasts call the quantiles."""
        noun = targets.get(self.predict).noun
        return tuple(f"q{100 * level:g}_{noun}" for level in self.quantiles)

    @property
    def steps(self) -> int:
        """Sessions forecast at once."""
        return 1 + len(self.later_scales)

    @property
    def leads(self) -> tuple[int, ...]:
        """How many sessions after the origin the window of each input ends."""
        return tuple(self.output_shift if n in self.known_ahead else 0 for n in self.inputs)

    def check_measured(self, prices: Prices) -> None:
        """Raises DataError where these prices would measure what is forecast in another way."""
        if prices.how != self.measured:
            raise DataError(
                f"{prices.name}: the champion learnt {prices.target} measured by "
                f"{self.measured}, and of these columns it would be by {prices.how}; give all "
                "columns that the study was searched with, and no others of prices"
            )


def read_spec(folder: Path) -> ForecasterSpec | None:
    """What the forecaster in a folder is, without its weights; None where there is none.

    Raises StorageError where it is damaged.
    """
    try:
        spec, _, as_written = read_about(folder)
        if not as_written:
            raise ValueError(ALTERED)
        return spec
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise damaged(folder, error) from None


def damaged(folder: Path, error: Exception) -> StorageError:
    reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return StorageError(
        f"{folder}: is not a forecaster, or is damaged ({reason}); "
        "run `rnnsearch evaluate`, which makes it again"
    )


def checksum(spec: dict[str, Any]) -> str:
    text = json.dumps({k: v for k, v in spec.items() if k != "spec_sha256"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def read_about(folder: Path) -> tuple[ForecasterSpec, str, bool]:
    """The specification, the checksum of the weights that belong to it, and whether it is itself
    what was written."""
    about = json.loads(read_file(folder / ABOUT))
    if not isinstance(about, dict) or "format" not in about:
        raise ValueError(f"{ABOUT} does not say its format")
    if (found := about.pop("format")) != FORMAT:
        raise ValueError(f"its format is {found!r}, and this version reads {FORMAT}")
    weights_sum = str(about.pop("weights_sha256", ""))
    # Champions of before there was one are read without.
    as_written = about.pop("spec_sha256", own := checksum(about)) == own
    about.pop("history_name", None)  # earlier versions wrote the name of the price file
    try:
        return TypeAdapter(ForecasterSpec).validate_python(about), weights_sum, as_written
    except ValidationError as error:
        fault = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None

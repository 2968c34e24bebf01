"""The parameters of one trial, as they travel from the study to a worker, the store and MLflow."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from rnnsearch.config import ScalerKind, digest
from rnnsearch.data.inputs.indicators import InputSpec
from rnnsearch.model.hyperparameters import Hyperparameters
from rnnsearch.targets import Target

POINTS = "mse"
"""The loss of a target that may be learnt by another of `[space] loss`, too."""

LATER = ("loss", "quantiles", "embedding")
"""Fields that trials of earlier versions do not have."""

OF_PATHS = ("steps", "head", "teacher_forcing")
"""What only trials of several steps have."""


@dataclass(frozen=True, kw_only=True)
class TrialParameters(Hyperparameters):
    """All that determines a trial, in the user's words. Equal parameters give equal results."""

    cell: str
    scaler: ScalerKind
    input_shift: int | dict[str, int]  # of all inputs, or of each family that is used
    output_shift: int
    inputs: tuple[str, ...]
    seed: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON: for the store, the pipe to a worker and MLflow."""
        told = {key: _listed(value) for key, value in asdict(self).items()}
        for field in fields(self):  # of later versions: where it says nothing, nothing changes
            if field.name in LATER and getattr(self, field.name) == field.default:
                del told[field.name]
        left_out = OF_PATHS if self.steps == 1 else ()
        return {key: value for key, value in told.items() if key not in left_out}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {key: value for key, value in plain.items() if key in known}
        for key in {"neurons", "inputs", "quantiles"} & values.keys():
            values[key] = tuple(values[key])
        return cls(**values)

    def learnt_by(self, target: Target) -> str:
        """The loss that trains it."""
        return self.loss if target.loss == POINTS else target.loss

    def shifts(self, specs: Sequence[InputSpec]) -> tuple[int, ...]:
        """How many sessions before the origin the window of each input ends.

        0 for one that is known ahead, whose window ends at the target: it is not delayed.
        """
        shift = self.input_shift
        return tuple(
            0 if spec.ahead else shift if isinstance(shift, int) else shift[spec.family]
            for spec in specs
        )

    def leads(self, specs: Sequence[InputSpec]) -> tuple[int, ...]:
        """How many sessions after the origin the window of each input ends; see `shifts`."""
        return tuple(self.output_shift if spec.ahead else 0 for spec in specs)

    @property
    def key(self) -> str:
        """Equal for trials that would train the same networks on the same rows."""
        return digest({name: value for name, value in self.plain().items() if name != "seed"})


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


USUAL = {
    field.name: _listed(field.default) for field in fields(TrialParameters) if field.name in LATER
}
"""What trials of earlier versions have in these fields."""

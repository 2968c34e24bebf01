"""The parameters of one trial, as they travel from the study to a worker, the store and MLflow."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from rnnsearch.config import OptimizerKind, ScalerKind, digest


@dataclass(frozen=True, kw_only=True)
class TrialParameters:
    """All that determines a trial, in the user's words. Equal parameters give equal results."""

    cell: str
    neurons: tuple[int, ...]  # units of each layer, first layer first
    dropout: float
    window: int
    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: OptimizerKind
    weight_decay: float
    averaging: bool
    scaler: ScalerKind
    input_shift: int | dict[str, int]  # of all inputs, or of each family that is used
    output_shift: int
    inputs: tuple[str, ...]
    clip: float
    seed: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON: for the store, the pipe to a worker and MLflow."""
        return {key: _listed(value) for key, value in asdict(self).items()}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {key: value for key, value in plain.items() if key in known}
        for key in ("neurons", "inputs"):
            values[key] = tuple(values[key])
        return cls(**values)

    def shifts(self, families: Sequence[str]) -> tuple[int, ...]:
        """The input shift of each input, given the inputs' families."""
        if isinstance(self.input_shift, int):
            return (self.input_shift,) * len(families)
        return tuple(self.input_shift[family] for family in families)

    @property
    def key(self) -> str:
        """Equal for trials that would train the same networks on the same rows."""
        return digest({name: value for name, value in self.plain().items() if name != "seed"})


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value

"""What a trial may set of its network and its training. No torch: the driver reads it too."""

from dataclasses import dataclass, fields
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """The fields that a trial's parameters and the settings of its training share.

    `clip` is the largest gradient norm, 0 for no limit. `weight_decay` is decoupled: a step shrinks
    the weights by `learning_rate * weight_decay` (Loshchilov and Hutter 2019). With `averaging`,
    forecasts are made with averaged weights (see `optimizers.average_share`). `loss` is what a
    target without a loss of its own is learnt by, and `quantiles` are the levels that a network
    forecasts with loss `quantile`; without it there are none. `embedding`: numbers that are learnt
    for each of many series; 0 for none. `steps` sessions are forecast at once, of one origin, all
    from the final state or by a decoder (`head`), which may look back at the window (`attention`)
    and in training is fed what came with the chance `teacher_forcing` at first, and never in the
    last epoch.
    """

    neurons: tuple[int, ...]  # units of each layer, first layer first
    dropout: float
    window: int
    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: Literal["adam", "sgd"]
    weight_decay: float
    averaging: bool
    clip: float
    loss: str = "mse"
    quantiles: tuple[float, ...] = ()
    embedding: int = 0
    steps: int = 1
    head: Literal["direct", "decoder", "attention"] = "direct"
    teacher_forcing: float = 0.0

    def shared(self) -> dict[str, Any]:
        """These fields by name, whatever else a subclass has."""
        return {field.name: getattr(self, field.name) for field in fields(Hyperparameters)}

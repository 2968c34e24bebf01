"""What a fold's training is given and what it can do, whoever does it: torch or kernels.

w  window      F  inputs      n  training rows      m  validation rows
G  targets of a row      O  outputs of a network: G, or of quantiles G times their levels
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from rnnsearch.cells import Cell
from rnnsearch.model.hyperparameters import Hyperparameters
from rnnsearch.model.networks.network import Network


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Hyperparameters):
    """One trial's network and how it is trained.

    `targets` (G) are forecast of each row. `momentum` is for sgd. `accumulate` splits a batch into
    that many parts to save memory, with the same gradient. bfloat16 is for CUDA.
    """

    cell: str | Cell
    seed: int
    targets: int = 1
    momentum: float = 0.9
    precision: Literal["float32", "bfloat16"] = "float32"
    accumulate: int = 1
    series: int = 1  # that train the network together

    @property
    def outputs(self) -> int:
        """O"""
        return self.targets * max(len(self.quantiles), 1)


@dataclass(frozen=True, eq=False)
class FoldTensors:
    """A fold on the device: its scaler, the last row of each window, the scaled targets.

    Every window that ends at one of the ends must be free of NaN in the table. Of a table of S
    series, each of which has a scaler of its own, `starts` are the first rows of these.
    """

    scale: Tensor  # (F,) float32, or (S, F)
    offset: Tensor  # (F,) float32, or (S, F)
    train_ends: Tensor  # (n,) int64
    train_targets: Tensor  # (n,) float32, or (n, G)
    validation_ends: Tensor  # (m,) int64; m = 0 in every fold for a refit
    validation_targets: Tensor  # (m,) float32, or (m, G)
    starts: Tensor | None = None  # (S,) int64, increasing


class FoldTraining(Protocol):
    """A fold's network in training, by torch or by kernels."""

    @property
    def network(self) -> Network:
        """That which forecasts: with averaged weights where the settings say so."""

    def train(
        self,
        order: Tensor,  # (n,) int64 on the device: a permutation of the training rows
        steps_before: int,  # in earlier epochs
    ) -> Tensor:  # (2,): sums of losses over rows and of gradient norms over steps
        """One pass over the training rows in `order`, the last batch being what is left.

        Dropout draws from torch's global random state.
        """

    def outputs(self) -> Tensor:  # (m,), or (m, O)
        """Forecasts of the validation rows in scaled units; logits with loss `bce`."""

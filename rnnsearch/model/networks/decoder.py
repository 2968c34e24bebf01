"""A decoder: a second recurrent network that goes on from where the first one ended.

    B  batch      w  window      F  inputs      N  neurons of a layer      D  directions (1 or 2)
    k  steps      j  0 .. k-1      z_j  what is said of step j

The encoder reads the window. Each layer's last state is the state in which the decoder's layer of
the same cell begins; of a bidirectional encoder a linear map makes one state of two. Then

    s_0 = the encoder's state          z_-1 = 0
    s_j+1 = cell(z_j-1, s_j)           z_j = head(s_j+1)

so each step knows what was said of the one before. In training z_j-1 is replaced by what came with
the chance `forcing`, for each row and step on its own (scheduled sampling); never in a forecast.

Sutskever, Vinyals & Le 2014, Sequence to sequence learning with neural networks; Bengio, Vinyals,
Jaitly & Shazeer 2015, Scheduled sampling for sequence prediction with recurrent neural networks.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from rnnsearch.cells import Cell
from rnnsearch.model.networks.network import Network

KINDS: dict[str, Callable[[int, int], nn.Module]] = {
    "rnn": nn.RNNCell,
    "lstm": nn.LSTMCell,
    "gru": nn.GRUCell,
}
"""One session of a cell, by the name of its layer; of a bidirectional one, that of its halves."""

State: TypeAlias = tuple[Tensor, ...]
"""What a layer remembers, (B, N) each: h, and c of an LSTM."""


class Decoder(Network):
    """See the module; `chances`: what is said is a logit, and what is fed on a chance.

    Only our own cells give the state that it goes on from.
    """

    def __init__(
        self, cell: Cell, inputs: int, neurons: tuple[int, ...], dropout: float, *further: Any
    ) -> None:
        super().__init__(cell, inputs, neurons, dropout, *further)
        kind = KINDS[cell.name.removeprefix("bi")]
        fed_by = (1, *neurons[:-1])
        self.cells = nn.ModuleList(kind(n, size) for n, size in zip(fed_by, neurons, strict=True))
        parts = 2 if kind is nn.LSTMCell else 1
        self.bridges = nn.ModuleList(
            nn.ModuleList(nn.Linear(2 * size, size) for _ in range(parts))
            for size in neurons
            if self.directions == 2
        )
        self.head = nn.Linear(neurons[-1], 1)

    def forward(self, x: Tensor) -> Tensor:  # (B, w, F) -> (B, k)
        return self._path(x, None)

    def learning(self, x: Tensor, actual: Tensor) -> Tensor:  # (B, w, F), (B, k) -> (B, k)
        return self._path(x, actual if self.forcing > 0 else None)

    def _path(self, x: Tensor, actual: Tensor | None) -> Tensor:
        outputs, ends = self.encode(x)
        states = self._begin(ends)
        fed = x.new_zeros(len(x), 1)
        forced = None
        if actual is not None:
            forced = torch.rand(actual.shape, device=x.device) < self.forcing
        said = []
        for step in range(self.outputs):
            value = fed
            for layer, cell in enumerate(self.cells):
                if layer:
                    value = self.dropout(value)
                states[layer] = _after(cell, value, states[layer])
                value = states[layer][0]
            said.append(self.say(value, fed, step, outputs))
            fed = said[-1].sigmoid() if self.chances else said[-1]
            if actual is not None and forced is not None:
                fed = torch.where(forced[:, step, None], actual[:, step, None], fed)
        return self.forecast(torch.cat(said, dim=1))

    def say(self, state: Tensor, fed: Tensor, step: int, outputs: Tensor) -> Tensor:
        """What is said of a step (B, 1): of the last layer's state (B, N) after it was fed
        (B, 1). `outputs` (B, w, D * N) are the encoder's, of each session."""
        said: Tensor = self.head(state)
        return said

    def _begin(self, ends: list[tuple[Tensor, ...]]) -> list[State]:
        """The state of each layer, as the encoder leaves it: (L * D, B, N) of L fused layers."""
        every = [layer for parts in ends for layer in zip(*(_layers(p, self) for p in parts))]  # noqa: B905
        if self.directions == 1:
            return [tuple(part[0] for part in layer) for layer in every]
        return [
            tuple(
                bridge(part.transpose(0, 1).flatten(1))
                for bridge, part in zip(bridges, layer, strict=True)  # type: ignore[call-overload]
            )
            for bridges, layer in zip(self.bridges, every, strict=True)
        ]


def _layers(state: Tensor, network: Network) -> tuple[Tensor, ...]:
    """(L * D, B, N) -> L times (D, B, N)."""
    layers: tuple[Tensor, ...] = state.split(network.directions)
    return layers


def _after(cell: nn.Module, value: Tensor, state: State) -> State:
    if len(state) == 2:
        h, c = cell(value, state)
        return h, c
    h = cell(value, state[0])
    return (h,)

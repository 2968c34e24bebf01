"""Where the weights of a network lie in the one array that the kernels work on.

Per layer and direction they are `layers.py`'s `w`, so that kernels read them in the order in which
they need them; then the head's. Places that fill up hold 0 and stay 0: they have no gradients.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnnsearch.model.kernels.codegen.cells import CELLS, Cell
from rnnsearch.model.kernels.codegen.widths import Width
from rnnsearch.model.networks.gru import GRU
from rnnsearch.model.networks.network import Network

Floats = NDArray[np.float32]

KINDS: dict[type[nn.Module], str] = {nn.LSTM: "lstm", GRU: "gru", nn.RNN: "rnn"}
"""torch's modules, as `Network` sets them up, by the name of the kernels' cell that is the same."""

_EVEN = 16  # float32 in a line of the cache: every part begins with one


@dataclass(frozen=True)
class Layer:
    """One layer in one direction; `place` is that of its weights."""

    inputs: int  # neurons or columns that feed it
    fed_by: int  # of how many, with what fills up, it sees: its X
    neurons: int
    groups: int
    place: int


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A network's shape and the places of its weights, for processors of one width."""

    kind: str  # of `cells.CELLS`
    directions: int
    inputs: int
    neurons: tuple[int, ...]
    units: int  # neurons of a group
    outputs: int = 1

    @property
    def cell(self) -> Cell:
        return CELLS[self.kind]

    def filled(self, layer: int) -> int:
        """The neurons of a layer with those that fill up the last group."""
        return -(-self.neurons[layer] // self.units) * self.units

    @cached_property
    def layers(self) -> tuple[tuple[Layer, ...], ...]:
        """[layer][direction]"""
        place, found = 0, []
        inputs = fed_by = self.inputs
        for number, neurons in enumerate(self.neurons):
            filled = self.filled(number)
            size = _even((2 + fed_by + filled) * filled * self.cell.gates)
            found.append(
                tuple(
                    Layer(inputs, fed_by, neurons, filled // self.units, place + d * size)
                    for d in range(self.directions)
                )
            )
            place += self.directions * size
            inputs, fed_by = self.directions * neurons, self.directions * filled
        return tuple(found)

    @property
    def head(self) -> int:
        """The place of the head's weights, of each output one per direction and neuron."""
        last = self.layers[-1][-1]
        size = (2 + last.fed_by + last.groups * self.units) * last.groups * self.units
        return last.place + _even(size * self.cell.gates)

    @property
    def bias(self) -> int:
        """The place of the head's biases."""
        return self.head + self.outputs * self.directions * self.filled(-1)

    @property
    def size(self) -> int:
        return _even(self.bias + self.outputs)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """The place of each weight, in the order of `Network.parameters`."""
        parts: list[NDArray[np.int64]] = []
        gates = self.cell.gates
        for number, layer in enumerate(self.layers):
            before = number - 1
            if number:  # the states that feed it: each direction's are filled up
                one = np.arange(self.neurons[before])
                columns = np.concatenate(
                    [d * self.filled(before) + one for d in range(self.directions)]
                )
            else:
                columns = np.arange(self.inputs)
            for each in layer:
                # torch's row g * N + j is row g of neuron j
                g, j = np.divmod(np.arange(gates * each.neurons), each.neurons)
                group, unit = np.divmod(j, self.units)
                every = 2 + each.fed_by + each.groups * self.units

                def at(
                    column: NDArray[np.int64],
                    start: int = each.place,
                    group: NDArray[np.int64] = group,
                    row: NDArray[np.int64] = unit * gates + g,
                    every: int = every,
                ) -> NDArray[np.int64]:
                    width = self.units * gates
                    return start + (group[:, None] * every + column) * width + row[:, None]

                states = np.arange(each.neurons)
                parts += [
                    at(2 + columns),
                    at(2 + each.fed_by + states),
                    at(np.array([0])),
                    at(np.array([1])),
                ]
        one = np.arange(self.neurons[-1])
        parts += [
            self.head + part * self.filled(-1) + one
            for part in range(self.outputs * self.directions)
        ]
        parts.append(self.bias + np.arange(self.outputs))
        return np.concatenate([part.ravel() for part in parts]).astype(np.int64)

    def pack(self, network: nn.Module, into: Floats) -> None:
        """Put a network's weights into their places."""
        weights = [p.detach().reshape(-1) for p in network.parameters()]
        into[self.places] = torch.cat(weights).numpy()

    def unpack(self, values: Floats, network: nn.Module) -> None:
        """Give a network the weights that lie there."""
        flat = torch.from_numpy(values[self.places])
        parameters: list[Tensor] = list(network.parameters())
        with torch.no_grad():
            for p, part in zip(
                parameters, flat.split([p.numel() for p in parameters]), strict=True
            ):
                p.copy_(part.view_as(p))


def layout_of(network: Network, width: Width) -> Layout | None:
    """The layout of a network; None where the kernels do not compute what it does."""
    modules: list[Any] = list(network.layers)
    kind = KINDS.get(type(modules[0]))
    if type(network) is not Network or kind is None or network.identity is not None:
        return None
    sizes = [m.hidden_size for m in modules for _ in range(m.num_layers)]
    return Layout(
        kind=kind,
        directions=network.directions,
        inputs=modules[0].input_size,
        neurons=tuple(sizes),
        units=width.units[kind],
        outputs=network.head.out_features,
    )


def _even(size: int) -> int:
    return -(-size // _EVEN) * _EVEN

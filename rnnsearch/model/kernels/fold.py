"""A network in training, or asked for forecasts, by kernels: no autograd, no module calls.

    B  batch      w  window (T of the kernels)      F  inputs      D  directions      O  outputs

A batch is worked on in blocks of as many windows as the vectors of a processor hold together, each
forward and back before the next is begun, so that what is saved for the way back stays in the
core's cache.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsearch.model.kernels.codegen import steps
from rnnsearch.model.kernels.codegen.widths import Width
from rnnsearch.model.kernels.layout import Floats, Layer, Layout
from rnnsearch.model.kernels.program import Given, Machine, Program

Allocate: TypeAlias = Callable[[int], Floats]


def aligned(size: int) -> Floats:
    """So many zeros, from the beginning of a line of the cache on."""
    room = np.zeros(size + 16, np.float32)
    start = -room.ctypes.data % 64 // 4
    return room[start : start + size]


def apart(size: int) -> int:
    """From one session to the next, where each has so many numbers.

    A core's cache keeps twelve lines or so of those that are a multiple of 4 KB apart: sessions at
    such a distance drive each other out, and the gradients of the weights, which read the same rows
    of all sessions, took twice as long.
    """
    lines = -(-size // 16)
    while lines % 64 not in range(11, 54) or lines % 64 in range(27, 38):
        lines += 1
    return 16 * (lines | 1)


@dataclass(frozen=True)
class Block:
    """Some windows of a batch."""

    first: int
    count: int
    vectors: int


def blocks(width: Width, rows: int) -> Iterator[Block]:
    """A batch of `rows` windows in blocks, as few and as full as they can be."""
    first = 0
    while first < rows:
        left = -(-(rows - first) // width.lanes)  # vectors
        vectors = next((v for v in width.blocks if v <= left), width.blocks[-1])
        yield Block(first, min(rows - first, vectors * width.lanes), vectors)
        first += vectors * width.lanes


class State:
    """What a program goes on with from batch to batch; see `steps`."""

    def __init__(self) -> None:
        self.words = np.zeros(steps.STATE_WORDS, np.int64)
        self._reals = self.words.view(np.float64)
        self._kept: list[NDArray[np.generic]] = []

    def begin(
        self,
        ends: NDArray[np.int64],
        scalers: NDArray[np.int64],
        *,
        targets: Floats | None = None,
        outputs: Floats | None = None,
    ) -> None:
        """`targets` (G, n or more), `outputs` (O, n or more): of each a row of its own."""
        self._kept = [ends, scalers]
        self.words[:] = 0
        self.words[steps.ENDS] = ends.ctypes.data
        self.words[steps.SCALERS] = scalers.ctypes.data
        for place, array in ((steps.TARGETS, targets), (steps.OUTPUTS, outputs)):
            if array is not None:
                self._kept.append(array)
                self.words[place] = array.ctypes.data

    @property
    def sums(self) -> tuple[float, float]:
        """Of losses over windows, and of gradient norms over steps."""
        return float(self._reals[steps.LOSS]), float(self._reals[steps.NORM])


class Workspace:
    """The arrays that hold one block on its way through a network, for one window.

    A trial's folds take turns in one.
    """

    def __init__(
        self,
        layout: Layout,
        machine: Machine,
        window: int,
        *,
        training: bool,
        dropout: bool = False,
        ordered: bool = False,
        batch_size: int = 0,
        allocate: Allocate = aligned,
    ) -> None:
        """`ordered`: the outputs are quantiles."""
        self.layout, self.machine, self.window = layout, machine, window
        size, D = machine.width.rows, layout.directions
        filled = [layout.filled(number) for number in range(len(layout.neurons))]
        slots = layout.cell.slots
        sessions = window if training else 1  # that are saved
        steps = [apart(rows * size) for rows in (layout.inputs, *(D * n for n in filled))]
        self.x = [allocate(window * step) for step in steps]
        self.saved = [
            [allocate(sessions * apart(n * slots * size)) for _ in range(D)] for n in filled
        ]
        self.g = self.gh = self.y = allocate(0)
        self.gx: list[Floats] = []
        self.masks: list[Floats] = []
        self.masked: list[Floats] = []
        self.drawn: list[Floats] = []
        if training:
            between = steps[1:-1]
            self.g = allocate(D * filled[-1] * size)
            self.y = allocate((2 if ordered else 1) * layout.outputs * size)
            self.gh = allocate(2 * max(filled) * size)
            self.gx = [allocate(window * step) for step in between]
            if dropout:
                self.masks = [allocate(window * step) for step in between]
                self.masked = [allocate(window * step) for step in between]
                self.drawn = [allocate(window * batch_size * D * n) for n in layout.neurons[:-1]]


class Passes:
    """Writes the kernels of a network's ways forward and back into programs."""

    def __init__(self, space: Workspace, weights: Floats, state: State, *, training: bool) -> None:
        self.space, self.layout, self._training = space, space.layout, training
        self._weights, self._state = weights, state
        self._lanes = space.machine.width.lanes

    def gather(
        self, program: Program, block: Block, table: Floats, scale: Floats, offset: Floats
    ) -> None:
        program.add(
            f"gather_{block.vectors}",
            x=self.space.x[0],
            table=table,
            scale=scale,
            offset=offset,
            T=self.space.window,
            F=self.layout.inputs,
            x_step=self._step(0, block),
            first=block.first,
            count=block.count,
            state=self._state.words,
        )

    def mask(self, program: Program, block: Block, layer: int, batch: int, factor: float) -> None:
        """Drop what is dropped of the inputs of a layer, and multiply the others by `factor`."""
        space, D, before = self.space, self.layout.directions, layer - 1
        program.add(
            f"mask_{block.vectors}",
            mask=space.masks[before],
            drawn=space.drawn[before],
            T=space.window,
            B=batch,
            D=D,
            neurons=self.layout.neurons[before],
            N=self.layout.filled(before),
            step=self._step(layer, block),
            first=block.first,
            count=block.count,
            factor=factor,
        )
        self._multiply(program, block, layer, space.masked[before], space.x[layer])

    def unmask(self, program: Program, block: Block, layer: int) -> None:
        """The gradients of what was dropped are 0."""
        gx = self.space.gx[layer - 1]
        self._multiply(program, block, layer, gx, gx)

    def _multiply(self, program: Program, block: Block, layer: int, out: Floats, a: Floats) -> None:
        count = self.space.window * self._step(layer, block)
        program.add("multiply", out=out, a=a, b=self.space.masks[layer - 1], count=count)

    def forward(self, program: Program, block: Block, layer: int) -> None:
        for d, each in enumerate(self.layout.layers[layer]):
            program.add(
                self._name("forward", block),
                **self._common(each, block, layer, d),
                x=self._x(layer),
                w=self._weights[each.place :],
            )

    def backward(self, program: Program, block: Block, layer: int, gw: Floats) -> None:
        space, last = self.space, layer == len(self.layout.layers) - 1
        size = block.vectors * self._lanes
        g = space.g if last else space.gx[layer]
        for d, each in enumerate(self.layout.layers[layer]):
            common = self._common(each, block, layer, d)
            program.add(
                self._name("backward", block),
                **common,
                w=self._weights[each.place :],
                g=g[d * self.layout.filled(layer) * size :],
                gx=space.gx[layer - 1] if layer else space.gh,
                gh=space.gh,
                g_step=common["h_step"],
                every=int(not last),
                of_x=0 if layer == 0 else 1 if d == 0 else 2,
            )
            program.add(
                self._name("gradients", block),
                **common,
                x=self._x(layer),
                gw=gw[each.place :],
            )

    def head(self, block: Block) -> dict[str, Given]:
        """What `heads.head` and `heads.output` are both given."""
        layout, size = self.layout, block.vectors * self._lanes
        N = layout.filled(len(layout.neurons) - 1)
        step = self._step(len(layout.neurons), block)
        return {
            "h": self.space.x[-1],
            "last": (self.space.window - 1) * step,
            "last_back": N * size,
            "D": layout.directions,
            "N": N,
            "w": self._weights[layout.head :],
            "bias": self._weights[layout.bias :],
            "outputs": layout.outputs,
            "first": block.first,
            "state": self._state.words,
        }

    def _x(self, layer: int) -> Floats:
        if layer and self._training and self.space.masked:
            return self.space.masked[layer - 1]
        return self.space.x[layer]

    def _step(self, layer: int, block: Block) -> int:
        """From session to session in a layer's inputs."""
        layout = self.layout
        rows = layout.directions * layout.filled(layer - 1) if layer else layout.inputs
        return apart(rows * block.vectors * self._lanes)

    def _name(self, part: str, block: Block) -> str:
        return f"{self.layout.kind}_{part}_{block.vectors}"

    def _common(self, each: Layer, block: Block, layer: int, d: int) -> dict[str, int | Floats]:
        space, layout = self.space, self.layout
        size, filled = block.vectors * self._lanes, layout.filled(layer)
        return {
            "h": space.x[layer + 1][d * filled * size :],
            "saved": space.saved[layer][d],
            "T": space.window,
            "X": each.fed_by,
            "groups": each.groups,
            "x_step": self._step(layer, block),
            "h_step": self._step(layer + 1, block),
            "saved_step": apart(filled * layout.cell.slots * size) if self._training else 0,
            "t0": space.window - 1 if d else 0,
            "dt": -1 if d else 1,
        }

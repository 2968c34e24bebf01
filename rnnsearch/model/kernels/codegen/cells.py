"""What the kernels of a cell are: its gates, forward and backward.

`networks.py` has the equations. A neuron has `gates` rows of weights for the layer's inputs and as
many for the states before; each row adds into one of the neuron's sums (`x_rows`, `h_rows`: which).
Forward, a cell makes the new state of its sums and saves what the way back needs in `slots` places;
backward, it puts the gradient of every sum into the sum's own place, over what was saved there.

A neuron without weights (what fills the last group of neurons up) has the state 0 and no gradients.
"""

from typing import ClassVar, Protocol

from rnnsearch.model.kernels.codegen.code import Code, Value


class Saved(Protocol):
    """A neuron's places at a session, a vector each."""

    def __getitem__(self, slot: int) -> Value: ...
    def __setitem__(self, slot: int, value: Value) -> None: ...
    def before(self, slot: int) -> Value:
        """The place at the session before; 0 at the first."""


class Cell(Protocol):
    gates: ClassVar[int]
    slots: ClassVar[int]
    x_rows: ClassVar[tuple[int, ...]]
    h_rows: ClassVar[tuple[int, ...]]

    def forward(self, code: Code, sums: list[Value], before: Value, saved: Saved) -> Value:
        """The new state, from the one before."""

    def backward(
        self, code: Code, g: Value, before: Value, saved: Saved, carried: Value
    ) -> tuple[Value, Value]:
        """What the gradient `g` of the new state adds directly to that of the state before, and
        what is carried on besides (an LSTM's gradient of `c`)."""


class LSTM:
    """Sums and places i, f, g, o; further places c and tanh(c)."""

    gates: ClassVar[int] = 4
    slots: ClassVar[int] = 6
    x_rows: ClassVar[tuple[int, ...]] = (0, 1, 2, 3)
    h_rows: ClassVar[tuple[int, ...]] = (0, 1, 2, 3)

    def forward(self, code: Code, sums: list[Value], before: Value, saved: Saved) -> Value:
        i, f, g, o = sums
        saved[0] = i = code.logistic(i)
        saved[1] = f = code.logistic(f)
        saved[2] = g = code.tanh(g)
        saved[3] = o = code.logistic(o)
        c = code.fma(f, saved.before(4), i * g)
        saved[4] = c
        saved[5] = y = code.tanh(c)
        return o * y

    def backward(
        self, code: Code, g: Value, before: Value, saved: Saved, carried: Value
    ) -> tuple[Value, Value]:
        i, f, c, o, y = saved[0], saved[1], saved[2], saved[3], saved[5]
        of_c = code.fma(g * o, 1.0 - y * y, carried)
        saved[0] = of_c * c * (i * (1.0 - i))
        saved[1] = of_c * saved.before(4) * (f * (1.0 - f))
        saved[2] = of_c * i * (1.0 - c * c)
        saved[3] = g * y * (o * (1.0 - o))
        return code.constant(0.0), of_c * f


class GRU:
    """Sums and places r, z, n, q, with n's own sum without the states, and q = U h + b'."""

    gates: ClassVar[int] = 3
    slots: ClassVar[int] = 4
    x_rows: ClassVar[tuple[int, ...]] = (0, 1, 2)
    h_rows: ClassVar[tuple[int, ...]] = (0, 1, 3)

    def forward(self, code: Code, sums: list[Value], before: Value, saved: Saved) -> Value:
        r, z, n, q = sums
        saved[0] = r = code.logistic(r)
        saved[1] = z = code.logistic(z)
        saved[2] = n = code.tanh(code.fma(r, q, n))
        saved[3] = q
        return code.fma(z, before - n, n)

    def backward(
        self, code: Code, g: Value, before: Value, saved: Saved, carried: Value
    ) -> tuple[Value, Value]:
        r, z, n, q = saved[0], saved[1], saved[2], saved[3]
        of_n = g * (1.0 - z) * (1.0 - n * n)
        saved[0] = of_n * q * (r * (1.0 - r))
        saved[1] = g * (before - n) * (z * (1.0 - z))
        saved[2] = of_n
        saved[3] = of_n * r
        return g * z, carried


class RNN:
    """One sum; its place holds the state."""

    gates: ClassVar[int] = 1
    slots: ClassVar[int] = 1
    x_rows: ClassVar[tuple[int, ...]] = (0,)
    h_rows: ClassVar[tuple[int, ...]] = (0,)

    def forward(self, code: Code, sums: list[Value], before: Value, saved: Saved) -> Value:
        saved[0] = state = code.tanh(sums[0])
        return state

    def backward(
        self, code: Code, g: Value, before: Value, saved: Saved, carried: Value
    ) -> tuple[Value, Value]:
        state = saved[0]
        saved[0] = g * (1.0 - state * state)
        return code.constant(0.0), carried


CELLS: dict[str, Cell] = {"lstm": LSTM(), "gru": GRU(), "rnn": RNN()}
"""The cells that have kernels, by the name of their network in `networks.CELLS` without `bi`."""

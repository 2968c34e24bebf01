"""The kernels of a network's head: outputs, their losses, and what flows back from them.

    D  directions      N  neurons of the last layer      L  windows of a block
    G  targets of a window      Q  outputs of a target: its quantiles, or one      O  outputs, G * Q

The weights of output o are `w[o * D * N :]`, its bias is `bias[o]`. Target g of the window in row r
lies at `targets[g * target_step + r]` of the state, output o at `outputs[o * output_step + r]`.
See `model.losses` for the losses, and for why quantiles are in order.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from rnnsearch.model.kernels.codegen.code import DOUBLE, Code, Value, Variable
from rnnsearch.model.kernels.codegen.steps import LOSS, OUTPUTS, ROW, TARGETS

HEAD = ("h", "last", "last_back", "D", "N", "w", "bias", "outputs", "first", "state")
"""The states of the last layer, where those of each direction's last session begin, the weights
(O, D * N) and biases (O) of the head."""

LOSS_HEAD = (*HEAD, "gw", "gbias", "g", "y", "G", "target_step", "count", "share")

QUANTILE_HEAD = (*LOSS_HEAD, "levels", "gaps", "middle")

OUTPUT = (*HEAD, "output_step")

Loss: TypeAlias = Callable[[Code, Value, Value, Value], tuple[Value, Value]]
"""An output, its target and its level -> the loss, and its slope."""


def head_sizes(words: Mapping[str, int], size: int, *, quantiles: bool = False) -> dict[str, int]:
    """Of all kernels here."""
    weights, outputs = words["D"] * words["N"], words["outputs"]
    last = max(words["last"], words["last_back"] * (words["D"] - 1))
    levels = outputs // words.get("G", 1)
    return {
        "h": last + words["N"] * size,
        "w": outputs * weights,
        "gw": outputs * weights,
        "bias": outputs,
        "gbias": outputs,
        "g": weights * size,
        "y": (2 if quantiles else 1) * outputs * size,
        "levels": levels,
        "gaps": levels,
    }


def squared_error(code: Code, y: Value, target: Value, level: Value) -> tuple[Value, Value]:
    error = y - target
    return error * error, error * 2.0


def absolute_error(code: Code, y: Value, target: Value, level: Value) -> tuple[Value, Value]:
    error = y - target
    return code.size(error), _sign(code, error)


def huber(code: Code, y: Value, target: Value, level: Value) -> tuple[Value, Value]:
    """With its bend at 1."""
    error = y - target
    size = code.size(error)
    near = size < 1.0
    loss = code.choose(near, error * error * 0.5, size - 0.5)
    return loss, code.choose(near, error, _sign(code, error))


def cross_entropy(code: Code, y: Value, target: Value, level: Value) -> tuple[Value, Value]:
    """Of a logit."""
    e = code.exp(0.0 - code.size(y))
    loss = code.choose(y > 0.0, y, 0.0) - y * target + code.log_of_one_plus(e)
    return loss, code.logistic(y) - target


def pinball(code: Code, y: Value, target: Value, level: Value) -> tuple[Value, Value]:
    """Of a quantile; where it is met, torch's slope is the mean of both sides'."""
    above = target - y
    loss = code.choose(above > 0.0, level * above, (level - 1.0) * above)
    slope = code.choose(above > 0.0, 0.0 - level, 1.0 - level)
    met = 0.5 - level
    return loss, code.choose(code.size(above) > 0.0, slope, met)


def _sign(code: Code, x: Value) -> Value:
    one = code.constant(1.0)
    return code.choose(x > 0.0, one, code.choose(x < 0.0, code.constant(-1.0), 0.0))


LOSSES: dict[str, Loss] = {
    "mse": squared_error,
    "mae": absolute_error,
    "huber": huber,
    "quantile": pinball,
    "bce": cross_entropy,
}


def head(code: Code, loss: Loss, vectors: int, *, quantiles: bool) -> None:
    """Outputs, the sum of their losses, the gradients of the head; and g (D * N, L), that of h.

    `share` (a float64) is what one output of one window counts: the mean loss over the batch and
    its outputs has these gradients. `y` (O, L) is room for outputs, which become their slopes, and
    with `quantiles` (2 * O, L), also for what the head says before they are put in order.
    """
    h, last, last_back, D, N, w, _, outputs, first, state, *more = code.words(LOSS_HEAD[:-1])
    gw, gbias, g, y, G, target_step, count = more
    share = code.real(len(LOSS_HEAD))
    lanes, size = code.lanes, vectors * code.lanes
    Q = outputs / G
    targets = code.word_at(state, TARGETS)
    row = code.word_at(state, ROW) + first
    losses = Variable(code, code.constant(0.0))
    said = y + outputs * (4 * size) if quantiles else y  # an address: 4 bytes a number
    _say(code, said, vectors)
    order = _Order(code, y, said, Q, size) if quantiles else None
    for v in range(vectors):
        there = code.below(count, v * lanes)
        with code.loop(G) as group:
            if order:
                order.forward(group * Q, v)
            target = code.load(targets, group * target_step + row + v * lanes)
            with code.loop(Q) as q:
                place = (group * Q + q) * size + v * lanes
                level = order.level(q) if order else target
                value, slope = loss(code, code.load(y, place), target, level)
                losses.set(losses.get() + code.choose(there, value, 0.0))
                code.store(y, place, code.choose(there, slope * share, 0.0))
            if order:
                order.backward(group * Q, v)
    was = code.word_at(state, LOSS, DOUBLE)
    total = code.double(code.total(losses.get()))
    code.set_word_at(state, LOSS, was + total / code.double_of(outputs))
    with code.loop(outputs) as o:
        slopes = [code.load(y, o * size + v * lanes) for v in range(vectors)]
        code.add_totals(gbias, o, [sum(slopes[1:], start=slopes[0])])
    with code.loop(D) as d:
        at = code.choose(d > 0, last_back, last)
        with code.loop(N) as n:
            unit = d * N + n
            states = [code.load(h, at + n * size + v * lanes) for v in range(vectors)]
            back = [Variable(code, code.constant(0.0)) for _ in range(vectors)]
            with code.loop(outputs) as o:
                weight, sums = code.spread_from(w, o * D * N + unit), code.constant(0.0)
                for v in range(vectors):
                    slope = code.load(y, o * size + v * lanes)
                    sums = code.fma(slope, states[v], sums)
                    back[v].set(code.fma(slope, weight, back[v].get()))
                code.add_totals(gw, o * D * N + unit, [sums])
            for v in range(vectors):
                code.store(g, unit * size + v * lanes, back[v].get())


def output(code: Code, vectors: int) -> None:
    """What the head says, to where the state says."""
    outputs, first, state, output_step = code.words(OUTPUT)[len(HEAD) - 3 :]
    row = code.word_at(state, ROW) + first
    told = code.word_at(state, OUTPUTS)
    size = vectors * code.lanes
    with code.loop(outputs) as o:
        for v in range(vectors):
            place = o * output_step + row + v * code.lanes
            code.store(told, place, _output(code, o, v, size))


class _Order:
    """Quantiles from what a head says, and gradients the way back; see `model.losses.Levels`."""

    def __init__(self, code: Code, y: Value, said: Value, Q: Value, size: int) -> None:
        self._code, self._y, self._said, self._Q, self._size = code, y, said, Q, size
        self._levels, self._gaps, self._middle = (
            code.word(QUANTILE_HEAD.index(name) + 1) for name in ("levels", "gaps", "middle")
        )

    def level(self, q: Value) -> Value:
        return self._code.spread_from(self._levels, q)

    def _at(self, start: Value, q: Value, v: int) -> Value:
        return (start + q) * self._size + v * self._code.lanes

    def _upwards(self) -> Value:
        return self._Q - self._middle - 1  # how many lie above the median

    def forward(self, start: Value, v: int) -> None:
        """`y` from `said`, for the outputs from `start` on."""
        code, middle = self._code, self._middle
        median = code.load(self._said, self._at(start, middle, v))
        code.store(self._y, self._at(start, middle, v), median)
        so_far = Variable(code, median)

        def step(q: Value, sign: float) -> None:
            a = code.load(self._said, self._at(start, q, v))
            e = code.exp(0.0 - code.size(a))
            softplus = code.choose(a > 0.0, a, 0.0) + code.log_of_one_plus(e)
            gap = code.spread_from(self._gaps, q) * sign
            so_far.set(code.fma(gap, softplus, so_far.get()))
            code.store(self._y, self._at(start, q, v), so_far.get())

        with code.loop(self._upwards()) as i:
            step(middle + 1 + i, 1.0)
        so_far.set(median)
        with code.loop(middle) as i:
            step(middle - 1 - i, -1.0)

    def backward(self, start: Value, v: int) -> None:
        """Slopes of quantiles, in `y`, to those of what was said."""
        code, middle = self._code, self._middle
        # All quantiles rest on the median; each further one bears those that lie beyond it.
        up, down = (Variable(code, code.constant(0.0)) for _ in range(2))

        def step(beyond: Variable, q: Value, sign: float) -> None:
            at = self._at(start, q, v)
            beyond.set(beyond.get() + code.load(self._y, at))
            gap = code.spread_from(self._gaps, q) * sign
            logistic = code.logistic(code.load(self._said, at))
            code.store(self._y, at, beyond.get() * gap * logistic)

        with code.loop(self._upwards()) as i:
            step(up, self._Q - 1 - i, 1.0)
        with code.loop(middle) as i:
            step(down, i, -1.0)
        at = self._at(start, middle, v)
        code.store(self._y, at, code.load(self._y, at) + up.get() + down.get())


def _say(code: Code, said: Value, vectors: int) -> None:
    """What the head says, to `said` (O, L)."""
    size = vectors * code.lanes
    with code.loop(code.word(HEAD.index("outputs") + 1)) as o:
        for v in range(vectors):
            code.store(said, o * size + v * code.lanes, _output(code, o, v, size))


def _output(code: Code, o: Value, v: int, size: int) -> Value:
    h, last, last_back, D, N, w, bias = code.words(HEAD[:7])
    total = Variable(code, code.spread_from(bias, o))
    with code.loop(D) as d:
        at = code.choose(d > 0, last_back, last)
        with code.loop(N) as n:
            state = code.load(h, at + n * size + v * code.lanes)
            weight = code.spread_from(w, (o * D + d) * N + n)
            total.set(code.fma(weight, state, total.get()))
    return total.get()

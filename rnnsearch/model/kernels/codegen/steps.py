"""The kernels of a training step around the layers and the head: windows, masks, optimizer.

`state` is a row of words that a program goes on with from batch to batch:

    ends, targets   addresses: the last row of each window in training order; what is forecast
    outputs         address: where forecasts are written to
                    (of each target and output a row of its own: see `heads`)
    row             the first window of the batch that comes next
    step            the optimizer step that comes next, counted from 0 in this run
    loss, norm      float64: sums of losses over windows and of gradient norms over steps
    scalers         address: where in `scale` and `offset` each window's own begin

`first` is the place of a block in its batch and `count` how many of its lanes are windows; other
lanes hold old numbers, all finite, whose losses and gradients are set to 0.
"""

from collections.abc import Mapping

from rnnsearch.model.kernels.codegen.code import DOUBLE, Code, Value, Variable

ENDS, TARGETS, OUTPUTS, ROW, STEP, LOSS, NORM, SCALERS = range(8)
STATE_WORDS = 8

GATHER = ("x", "table", "scale", "offset", "T", "F", "x_step", "first", "count", "state")


def gather(code: Code, vectors: int) -> None:
    """The windows' rows of the table (rows, F), times `scale`, plus `offset`.

    They go to x (T, x_step), F rows of L in each.
    """
    x, table, scale, offset, T, F, x_step, first, count, state = code.words(GATHER)
    size = vectors * code.lanes
    ends, row = code.word_at(state, ENDS), code.word_at(state, ROW) + first
    scalers = code.word_at(state, SCALERS)
    with code.loop(count) as lane:
        from_ = (code.load_word(ends, row + lane) + 1 - T) * F
        own = code.load_word(scalers, row + lane)
        with code.loop(T) as t, code.loop(F) as f:
            value = code.load_one(table, from_ + t * F + f)
            value = code.fma(value, code.load_one(scale, own + f), code.load_one(offset, own + f))
            code.store(x, t * x_step + f * size + lane, value)


def gather_sizes(words: Mapping[str, int], size: int) -> dict[str, int]:
    inputs = words["F"]
    x = (words["T"] - 1) * words["x_step"] + inputs * size
    return {"x": x, "scale": inputs, "offset": inputs}


MASK = ("mask", "drawn", "T", "B", "D", "neurons", "N", "step", "first", "count", "factor")


def mask(code: Code, vectors: int) -> None:
    """mask (T, step), D * N rows of L in each, from one drawn for (T, B, D * neurons), times
    `factor` (a float64); N is `neurons` filled up."""
    out, drawn, T, B, D, neurons, N, step, first, count = code.words(MASK[:-1])
    factor = code.real(len(MASK))
    size = vectors * code.lanes
    with code.loop(T) as t, code.loop(count) as lane:
        from_ = (t * B + first + lane) * D * neurons
        with code.loop(D) as d, code.loop(neurons) as n:
            value = code.load_one(drawn, from_ + d * neurons + n) * factor
            code.store(out, t * step + (d * N + n) * size + lane, value)


def mask_sizes(words: Mapping[str, int], size: int) -> dict[str, int]:
    sessions = words["T"] * words["D"]
    drawn = sessions * words["neurons"] * words["B"]
    rows = words["D"] * words["N"]
    return {"mask": (words["T"] - 1) * words["step"] + rows * size, "drawn": drawn}


MULTIPLY = ("out", "a", "b", "count")


def multiply(code: Code) -> None:
    """out = a * b, `count` numbers."""
    out, a, b, count = code.words(MULTIPLY)
    with code.loop(count, step=code.lanes) as i:
        code.store(out, i, code.load(a, i) * code.load(b, i))


ADVANCE = ("state", "rows")


def advance(code: Code) -> None:
    """On to the next batch."""
    state, rows = code.words(ADVANCE)
    code.set_word_at(state, ROW, code.word_at(state, ROW) + rows)
    code.set_word_at(state, STEP, code.word_at(state, STEP) + 1)


def _clipping(code: Code, gw: Value, count: Value, limit: Value, state: Value) -> Value:
    """What gradients are multiplied by, so that their norm is at most `limit` (0: no limit)."""
    sums = Variable(code, code.constant(0.0))
    with code.loop(count, step=code.lanes) as i:
        gradient = code.load(gw, i)
        sums.set(code.fma(gradient, gradient, sums.get()))
    norm = code.root(code.total(sums.get()))
    code.set_word_at(state, NORM, code.word_at(state, NORM, DOUBLE) + code.double(norm))
    factor = limit / (norm + 1e-6)
    one = code.like(factor, 1.0)
    factor = code.choose(factor > 1.0, one, factor)  # NaN stays NaN
    return code.choose(limit > 0.0, factor, one)


ADAM = ("w", "gw", "mean", "square", "count", "rates", "roots", "state", "limit", "kept")


def adam(code: Code) -> None:
    """A step of `optimizers.Adam`, after which gw is 0.

    Per step: `rates`, lr / (1 - beta1^step); `roots`, 1 / sqrt(1 - beta2^step). `limit` is the
    largest norm of the gradients, `kept` what the decay leaves of the weights.
    """
    w, gw, mean, square, count, rates, roots, state = (code.word(i) for i in range(1, 9))
    limit, kept = code.real(9), code.spread(code.real(10))
    factor = code.spread(_clipping(code, gw, count, limit, state))
    step = code.word_at(state, STEP)
    rate, root = code.spread_from(rates, step), code.spread_from(roots, step)
    with code.loop(count, step=code.lanes) as i:
        g = code.load(gw, i) * factor
        m, v = code.load(mean, i), code.load(square, i)
        m = code.fma(g - m, code.constant(1 - 0.9), m)
        v = code.fma(g * g, code.constant(1 - 0.999), v * 0.999)
        code.store(mean, i, m)
        code.store(square, i, v)
        change = rate * m / code.fma(code.root(v), root, 1e-8)
        code.store(w, i, code.load(w, i) * kept - change)
        code.store(gw, i, code.constant(0.0))


SGD = ("w", "gw", "buffer", "count", "state", "limit", "rate", "momentum", "decay")


def sgd(code: Code) -> None:
    """A step of `optimizers.SGD`, after which gw is 0; the buffer begins with 0."""
    w, gw, buffer, count, state = (code.word(i) for i in range(1, 6))
    limit, rate, momentum, decay = (code.real(i) for i in range(6, 10))
    factor = code.spread(_clipping(code, gw, count, limit, state))
    rate, momentum, decay = (code.spread(value) for value in (rate, momentum, decay))
    with code.loop(count, step=code.lanes) as i:
        weights = code.load(w, i)
        g = code.fma(decay, weights, code.load(gw, i) * factor)
        b = code.fma(momentum, code.load(buffer, i), g)
        code.store(buffer, i, b)
        code.store(w, i, weights - rate * b)
        code.store(gw, i, code.constant(0.0))


AVERAGE = ("averages", "w", "count", "shares", "state")


def average(code: Code) -> None:
    """Move the averages towards the weights by the step's share, as torch's `lerp` does."""
    averages, w, count, shares, state = code.words(AVERAGE)
    share = code.load_one(shares, code.word_at(state, STEP))
    near, rest = code.spread(share), code.spread(1.0 - share)
    with code.loop(count, step=code.lanes) as i:
        a, b = code.load(averages, i), code.load(w, i)
        low, high = code.fma(near, b - a, a), b - (b - a) * rest
        code.store(averages, i, code.choose(share < 0.5, low, high))


def same_sizes(words: Mapping[str, int]) -> dict[str, int]:
    """Of kernels over all numbers of some arrays."""
    names = ("out", "a", "b", "w", "gw", "mean", "square", "buffer", "averages")
    return dict.fromkeys(names, words.get("count", 0))


RUN = ("program", "length", "row_bytes", "times")


def run(code: Code) -> None:
    """Call the kernels of a program, so many times over. A row begins with its kernel's address."""
    program, length, row_bytes, times = code.words(RUN)
    with code.loop(times), code.loop(length) as number:
        row = program + number * row_bytes
        code.call(code.word_at(row, 0), row)

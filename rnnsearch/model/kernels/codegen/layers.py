"""The kernels of a layer in one direction: forward, backward, gradients of its weights.

    T  sessions     X  the layer's inputs     G  rows of weights per neuron     S  saved places
    N  neurons, filled up to groups of U      L  windows of a block, in L / lanes vectors

    x      (T, x_step)          X rows of L, then perhaps another direction's
    h      (T, h_step)          N rows of L: the states, which are the next layer's x
    w, gw  (N / U, 2 + X + N, U, G)     of a group of neurons: biases b and b', W, U; and gradients
    saved  (T, N, S, L)
    g      (T, g_step) or, of the last session only, (1, g_step): the gradient of h
    gx     (T, x_step)          the gradient of x
    gh     (2, N, L)            scratch: the gradients of a session's state, and of an LSTM's c

Reversed, a layer begins with the last session: its first session is t0 and a step is dt = -1.
All products keep a tile of sums in registers; the batch lies in the lanes, so no sum needs a
shuffle but those over the batch, which are the weights' gradients.
"""

from collections.abc import Callable, Mapping

from rnnsearch.model.kernels.codegen.cells import Cell
from rnnsearch.model.kernels.codegen.code import Code, Value, Variable


class _Saved:
    """See `cells.Saved`."""

    def __init__(
        self, code: Code, base: Value, now: Value, before: Value, later: Value, size: int
    ) -> None:
        self._code, self._base, self._size = code, base, size
        self._now, self._before, self._later = now, before, later

    def __getitem__(self, slot: int) -> Value:
        return self._code.load(self._base, self._now + slot * self._size)

    def __setitem__(self, slot: int, value: Value) -> None:
        self._code.store(self._base, self._now + slot * self._size, value)

    def before(self, slot: int) -> Value:
        value = self._code.load(self._base, self._before + slot * self._size)
        return self._code.choose(self._later, value, 0.0)


FORWARD = ("x", "w", "h", "saved", "T", "X", "groups", "x_step", "h_step", "saved_step", "t0", "dt")


def forward(code: Code, cell: Cell, units: int, vectors: int) -> None:
    """With `saved_step` 0 nothing is saved but what the next session needs."""
    x, w, h, saved, T, X, groups, x_step, h_step, saved_step, t0, dt = code.words(FORWARD)
    lanes, size, rows = code.lanes, vectors * code.lanes, units * cell.gates
    sums = max(max(cell.x_rows), max(cell.h_rows)) + 1
    columns = 2 + X + groups * units
    with code.loop(T) as s:
        t, later = t0 + s * dt, s > 0
        earlier = code.choose(later, t - dt, t)  # at the first session: what is there is not used
        with code.loop(groups) as group:
            own = group * columns * rows
            tile = [
                _first_sums(code, cell, w, own + unit * cell.gates, rows, sums, vectors)
                for unit in range(units)
            ]

            def add(
                base: Value, at: Value, count: Value, first: Value, of: tuple[int, ...]
            ) -> None:
                """Add the products of `count` rows of `base` with the columns from `first` on."""
                with code.loop(count) as k:
                    values = [code.load(base, at + k * size + v * lanes) for v in range(vectors)]
                    column = own + (first + k) * rows
                    for unit in range(units):
                        for gate, place in enumerate(of):
                            weight = code.spread_from(w, column + (unit * cell.gates + gate))
                            for v, value in enumerate(values):
                                variable = tile[unit][place][v]
                                variable.set(code.fma(weight, value, variable.get()))

            two = code.number(2)
            add(x, t * x_step, X, two, cell.x_rows)
            states = code.choose(later, groups * units, code.number(0))
            add(h, earlier * h_step, states, two + X, cell.h_rows)
            for unit in range(units):
                neuron = group * units + unit
                for v in range(vectors):
                    lane = neuron * size + v * lanes
                    place = neuron * (cell.slots * size) + v * lanes
                    places = _Saved(
                        code,
                        saved,
                        t * saved_step + place,
                        earlier * saved_step + place,
                        later,
                        size,
                    )
                    before = code.choose(later, code.load(h, earlier * h_step + lane), 0.0)
                    state = cell.forward(
                        code, [sum_[v].get() for sum_ in tile[unit]], before, places
                    )
                    code.store(h, t * h_step + lane, state)


def _first_sums(
    code: Code, cell: Cell, w: Value, own: Value, rows: int, sums: int, vectors: int
) -> list[list[Variable]]:
    """A neuron's sums, each with the biases that it has, and one for each vector."""
    first: list[Value | None] = [None] * sums
    for column, of in enumerate((cell.x_rows, cell.h_rows)):
        for gate, place in enumerate(of):
            bias, was = code.spread_from(w, own + (column * rows + gate)), first[place]
            first[place] = bias if was is None else was + bias
    return [[Variable(code, bias) for _ in range(vectors)] for bias in first if bias is not None]


BACKWARD = (
    *("w", "h", "saved", "g", "gx", "gh", "T", "X", "groups", "x_step", "h_step", "saved_step"),
    *("g_step", "every", "of_x", "t0", "dt"),
)


def backward(code: Code, cell: Cell, units: int, vectors: int, outputs: int) -> None:
    """`saved` becomes the gradients of the sums.

    `every` is 1 where every session's state has a gradient g, and 0 where the last one's has.
    `of_x` is 0 where gx is not wanted, 1 where it is set, 2 where it is added to.
    """
    w, h, saved, g, gx, gh, T, X, groups, x_step, h_step, saved_step, *more = code.words(BACKWARD)
    g_step, every, of_x, t0, dt = more
    lanes, size, rows = code.lanes, vectors * code.lanes, units * cell.gates
    neurons = groups * units
    columns = 2 + X + neurons
    with code.loop(neurons * (2 * size), step=lanes) as place:
        code.store(gh, place, code.constant(0.0))
    with code.loop(T) as done:
        s = T - 1 - done
        t, later = t0 + s * dt, s > 0
        earlier = code.choose(later, t - dt, t)
        given = (every + code.choose(done > 0, code.number(0), 1)) > 0
        with code.loop(neurons) as neuron:
            for v in range(vectors):
                lane = neuron * size + v * lanes
                place = neuron * (cell.slots * size) + v * lanes
                places = _Saved(
                    code, saved, t * saved_step + place, earlier * saved_step + place, later, size
                )
                before = code.choose(later, code.load(h, earlier * h_step + lane), 0.0)
                own = code.load(g, t * every * g_step + lane)
                total = code.load(gh, lane) + code.choose(given, own, 0.0)
                carried = code.load(gh, neurons * size + lane)
                direct, carried = cell.backward(code, total, before, places, carried)
                code.store(gh, lane, direct)
                code.store(gh, neurons * size + lane, carried)

        def back(
            base: Value, at: Value, count: Value, first: Value, of: tuple[int, ...], keep: Value
        ) -> None:
            """Add the product of the transposed columns from `first` on with the gradients of the
            sums to `count` rows of `base`, or set them to it, where not `keep`."""

            def some(column: Value, tile: int) -> None:
                places = [
                    [at + (column + m) * size + v * lanes for v in range(vectors)]
                    for m in range(tile)
                ]
                sums = [
                    [
                        Variable(code, code.choose(keep, code.load(base, place), 0.0))
                        for place in row
                    ]
                    for row in places
                ]
                with code.loop(groups) as group:
                    own = (group * columns + first + column) * rows
                    for unit in range(units):
                        neuron = (group * units + unit) * (cell.slots * size)
                        for gate, slot in enumerate(of):
                            from_ = t * saved_step + neuron + slot * size
                            values = [code.load(saved, from_ + v * lanes) for v in range(vectors)]
                            for m in range(tile):
                                weight = code.spread_from(
                                    w, own + (m * rows + unit * cell.gates + gate)
                                )
                                for v, value in enumerate(values):
                                    variable = sums[m][v]
                                    variable.set(code.fma(weight, value, variable.get()))
                for row, variables in zip(places, sums, strict=True):
                    for place, variable in zip(row, variables, strict=True):
                        code.store(base, place, variable.get())

            _in_tiles(code, count, outputs, some)

        with code.when(later):
            yes = s > 0
            back(gh, code.number(0), neurons, 2 + X, cell.h_rows, yes)
        with code.when(of_x > 0):
            back(gx, t * x_step, X, code.number(2), cell.x_rows, of_x > 1)


GRADIENTS = (
    *("x", "h", "saved", "gw", "T", "X", "groups", "x_step", "h_step", "saved_step", "t0", "dt"),
)


def gradients(code: Code, cell: Cell, units: int, vectors: int) -> None:
    """Add to `gw` the products of the gradients of the sums with what they are sums of."""
    x, h, saved, gw, T, X, groups, x_step, h_step, saved_step, t0, dt = code.words(GRADIENTS)
    lanes, size, rows = code.lanes, vectors * code.lanes, units * cell.gates
    neurons = groups * units
    columns = 2 + X + neurons
    zero = code.constant(0.0)

    def products(
        group: Value,
        column: Value,
        base: Value,
        at: Value,
        step: Value,
        first: int,
        of: tuple[int, ...],
        tile: int,
    ) -> None:
        """Of `tile` columns, for sessions from the `first` on; `base` lies a session earlier."""
        sums = [[Variable(code, zero) for _ in range(rows)] for _ in range(tile)]
        with code.loop(T, start=first) as s:
            t = t0 + s * dt
            then = (t - dt * first) * step + at
            for v in range(vectors):
                values = [code.load(base, then + m * size + v * lanes) for m in range(tile)]
                for unit in range(units):
                    neuron = (group * units + unit) * (cell.slots * size)
                    for gate, slot in enumerate(of):
                        own = code.load(saved, t * saved_step + neuron + slot * size + v * lanes)
                        for m, value in enumerate(values):
                            variable = sums[m][unit * cell.gates + gate]
                            variable.set(code.fma(own, value, variable.get()))
        code.add_totals(
            gw,
            (group * columns + column) * rows,
            [variable.get() for row in sums for variable in row],
        )

    def biases(group: Value) -> None:
        sums = [[Variable(code, zero) for _ in range(rows)] for _ in range(2)]
        with code.loop(T) as t:
            for v in range(vectors):
                for unit in range(units):
                    neuron = (group * units + unit) * (cell.slots * size)
                    for row, of in zip(sums, (cell.x_rows, cell.h_rows), strict=True):
                        for gate, slot in enumerate(of):
                            own = code.load(
                                saved, t * saved_step + neuron + slot * size + v * lanes
                            )
                            variable = row[unit * cell.gates + gate]
                            variable.set(variable.get() + own)
        code.add_totals(
            gw, group * columns * rows, [variable.get() for row in sums for variable in row]
        )

    with code.loop(groups) as group:
        biases(group)
        _in_tiles(
            code,
            X,
            2,
            lambda k, tile: products(group, 2 + k, x, k * size, x_step, 0, cell.x_rows, tile),
        )
        _in_tiles(
            code,
            neurons,
            2,
            lambda k, tile: products(group, 2 + X + k, h, k * size, h_step, 1, cell.h_rows, tile),
        )


def sizes(words: Mapping[str, int], *, cell: Cell, units: int, size: int) -> dict[str, int]:
    """How many numbers the arrays of a layer's kernels have to hold; `size` is L."""
    neurons, before = words["groups"] * units, words["T"] - 1
    weights = words["groups"] * (2 + words["X"] + neurons) * units * cell.gates
    x = before * words["x_step"] + words["X"] * size
    return {
        "x": x,
        "gx": x if words.get("of_x") else 0,
        "w": weights,
        "gw": weights,
        "h": before * words["h_step"] + neurons * size,
        "saved": before * words["saved_step"] + neurons * cell.slots * size,
        "g": before * words.get("every", 0) * words.get("g_step", 0) + neurons * size,
        "gh": 2 * neurons * size,
    }


def _in_tiles(code: Code, count: Value, most: int, some: Callable[[Value, int], None]) -> None:
    """`some(first, tile)` for `count` things, `most` at a time, then half as many of the rest."""
    done = code.number(0)
    tile = most
    while tile:
        whole = done + (count - done) / tile * tile
        with code.loop(whole, start=done, step=tile) as first:
            some(first, tile)
        done, tile = whole, tile // 2

"""A small language for kernels: Python that writes LLVM code.

A kernel is a Python function that is given a `Code` and writes with it. What is a Python loop or
list is written out in full (the columns of a tile); `code.loop` is a loop of the machine. A value
is a number (a 64-bit integer, a float) or a vector of `lanes` float32, which holds one number of
each of so many windows of a batch; `+ - * /` on values write the instruction.

Every kernel takes one argument, the address of a row of 64-bit words (`program.Program` lays them
out), so that one native loop can call any list of kernels.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from llvmlite import ir

WORD, FLOAT, DOUBLE, POINTER = ir.IntType(64), ir.FloatType(), ir.DoubleType(), ir.PointerType()
INT = ir.IntType(32)
KERNEL = ir.FunctionType(ir.VoidType(), [POINTER])

Number: TypeAlias = "Value | int | float"


@dataclass(frozen=True)
class Kernel:
    """A kernel: the names of what is in its row, and how it is written.

    `sizes` says, from the whole numbers among them, how many numbers each array has to hold.
    """

    words: tuple[str, ...]
    write: "Callable[[Code], None]"
    sizes: "Callable[[Mapping[str, int]], Mapping[str, int]]"


class Value:
    """A value of the code that is being written."""

    __slots__ = ("code", "ir")

    def __init__(self, code: "Code", value: Any) -> None:
        self.code, self.ir = code, value

    def __add__(self, other: Number) -> "Value":
        return self._with(other, "add", "fadd")

    def __sub__(self, other: Number) -> "Value":
        return self._with(other, "sub", "fsub")

    def __mul__(self, other: Number) -> "Value":
        return self._with(other, "mul", "fmul")

    def __truediv__(self, other: Number) -> "Value":
        return self._with(other, "sdiv", "fdiv")

    def __radd__(self, other: Number) -> "Value":
        return self.code.like(self, other) + self

    def __rsub__(self, other: Number) -> "Value":
        return self.code.like(self, other) - self

    def __rmul__(self, other: Number) -> "Value":
        return self.code.like(self, other) * self

    def __rtruediv__(self, other: Number) -> "Value":
        return self.code.like(self, other) / self

    def __lt__(self, other: Number) -> "Value":
        return self._compared("<", other)

    def __gt__(self, other: Number) -> "Value":
        return self._compared(">", other)

    def __ge__(self, other: Number) -> "Value":
        return self._compared(">=", other)

    @property
    def _whole(self) -> bool:
        kind = self.ir.type.element if isinstance(self.ir.type, ir.VectorType) else self.ir.type
        return isinstance(kind, ir.IntType)

    def _with(self, other: Number, whole: str, real: str) -> "Value":
        instruction = getattr(self.code.builder, whole if self._whole else real)
        return Value(self.code, instruction(self.ir, self.code.like(self, other).ir))

    def _compared(self, how: str, other: Number) -> "Value":
        """Of numbers that are NaN nothing is true."""
        builder = self.code.builder
        instruction = builder.icmp_signed if self._whole else builder.fcmp_ordered
        return Value(self.code, instruction(how, self.ir, self.code.like(self, other).ir))


class Variable:
    """A place for a value that a loop changes; it becomes a register."""

    def __init__(self, code: "Code", value: Value) -> None:
        self._code, self._kind = code, value.ir.type
        with code.builder.goto_entry_block():
            self._place = code.builder.alloca(self._kind)
        self.set(value)

    def get(self) -> Value:
        return Value(self._code, self._code.builder.load(self._place, typ=self._kind))

    def set(self, value: Value) -> None:
        self._code.builder.store(value.ir, self._place)


class Code:
    """A kernel that is being written, for vectors of `lanes` float32."""

    def __init__(self, module: ir.Module, name: str, lanes: int) -> None:
        self.module, self.lanes = module, lanes
        function = ir.Function(module, KERNEL, name)
        function.attributes.add("nounwind")
        self.builder = ir.IRBuilder(function.append_basic_block())
        self._argument = function.args[0]
        self._vector = ir.VectorType(FLOAT, lanes)
        self._bits = ir.VectorType(INT, lanes)

    def done(self) -> None:
        self.builder.ret_void()

    # --- numbers

    def word(self, place: int) -> Value:
        """The integer or address in the kernel's row."""
        return Value(self, self._word(self._argument, place, WORD))

    def words(self, names: Sequence[str]) -> list[Value]:
        """All of a row, in order."""
        return [self.word(place) for place, _ in enumerate(names, start=1)]

    def real(self, place: int) -> Value:
        """The float64 in the kernel's row, as a float32."""
        value = self._word(self._argument, place, DOUBLE)
        return Value(self, self.builder.fptrunc(value, FLOAT))

    def word_at(self, row: Value, place: int, kind: Any = WORD) -> Value:
        return Value(self, self._word(self._pointer(row), place, kind))

    def set_word_at(self, row: Value, place: int, value: Value) -> None:
        where = self.builder.gep(self._pointer(row), [WORD(place)], source_etype=WORD)
        self.builder.store(value.ir, where)

    def _word(self, row: Any, place: int, kind: Any) -> Any:
        where = self.builder.gep(row, [WORD(place)], source_etype=WORD)
        return self.builder.load(where, typ=kind)

    def number(self, value: int) -> Value:
        return Value(self, WORD(value))

    def like(self, value: Value, other: Number) -> Value:
        """A Python number as a value of the kind of another; single ones fill a vector's lanes."""
        kind = value.ir.type
        if isinstance(other, Value):
            if isinstance(kind, ir.VectorType) and not isinstance(other.ir.type, ir.VectorType):
                return self.spread(other)
            return other
        if isinstance(kind, ir.VectorType):
            return Value(self, ir.Constant(kind, [kind.element(other).constant] * kind.count))
        return Value(self, ir.Constant(kind, other))

    def double(self, value: Value) -> Value:
        return Value(self, self.builder.fpext(value.ir, DOUBLE))

    def double_of(self, whole: Value) -> Value:
        return Value(self, self.builder.sitofp(whole.ir, DOUBLE))

    def choose(self, condition: Value, yes: Value, no: Number) -> Value:
        return Value(self, self.builder.select(condition.ir, yes.ir, self.like(yes, no).ir))

    # --- control

    @contextmanager
    def loop(self, stop: Number, start: Number = 0, step: Number = 1) -> Iterator[Value]:
        """`for i in range(start, stop, step)`, for steps above 0."""
        builder, whole = self.builder, self.number(0)
        stop, start, step = (self.like(whole, each) for each in (stop, start, step))
        before = builder.block
        head, body, after = (builder.append_basic_block() for _ in range(3))
        builder.branch(head)
        builder.position_at_end(head)
        i = builder.phi(WORD)
        i.add_incoming(start.ir, before)
        builder.cbranch(builder.icmp_signed("<", i, stop.ir), body, after)
        builder.position_at_end(body)
        yield Value(self, i)
        i.add_incoming(builder.add(i, step.ir), builder.block)
        builder.branch(head)
        builder.position_at_end(after)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        with self.builder.if_then(condition.ir):
            yield

    def call(self, address: Value, row: Value) -> None:
        """Call the kernel at an address."""
        kernel = self.builder.inttoptr(address.ir, KERNEL.as_pointer())
        self.builder.call(kernel, [self._pointer(row)])

    # --- memory: arrays of float32, counted in numbers

    def _pointer(self, base: Value) -> Any:
        return self.builder.inttoptr(base.ir, POINTER)

    def _at(self, base: Value, index: Number, kind: Any = FLOAT) -> Any:
        index = self.like(self.number(0), index)
        return self.builder.gep(self._pointer(base), [index.ir], source_etype=kind)

    def load(self, base: Value, index: Number) -> Value:
        """The vector that begins at the number `index`."""
        place = self._at(base, index)
        return Value(self, self.builder.load(place, typ=self._vector, align=4))

    def store(self, base: Value, index: Number, value: Value) -> None:
        self.builder.store(value.ir, self._at(base, index), align=4)

    def load_one(self, base: Value, index: Number) -> Value:
        return Value(self, self.builder.load(self._at(base, index), typ=FLOAT))

    def load_word(self, base: Value, index: Number) -> Value:
        return Value(self, self.builder.load(self._at(base, index, WORD), typ=WORD))

    def spread_from(self, base: Value, index: Number) -> Value:
        """One number of the array in all lanes."""
        return self.spread(self.load_one(base, index))

    # --- vectors

    def spread(self, value: Value) -> Value:
        nothing = ir.Constant(self._vector, ir.Undefined)
        first = self.builder.insert_element(nothing, value.ir, INT(0))
        zeros = ir.Constant(self._bits, [0] * self.lanes)
        return Value(self, self.builder.shuffle_vector(first, nothing, zeros))

    def constant(self, value: float) -> Value:
        return Value(self, ir.Constant(self._vector, [value] * self.lanes))

    def fma(self, a: Value, b: Value, c: Number) -> Value:
        """`a * b + c`, rounded once."""
        return self._call("fma", a, b, self.like(a, c))

    def root(self, a: Value) -> Value:
        return self._call("sqrt", a)

    def size(self, a: Value) -> Value:
        return self._call("fabs", a)

    def _call(self, name: str, *values: Value) -> Value:
        kind = values[0].ir.type
        suffix = f"v{self.lanes}f32" if isinstance(kind, ir.VectorType) else "f32"
        full = f"llvm.{name}.{suffix}"
        function = self.module.globals.get(full) or ir.Function(
            self.module, ir.FunctionType(kind, [kind] * len(values)), full
        )
        return Value(self, self.builder.call(function, [value.ir for value in values]))

    def below(self, count: Value, first: int) -> Value:
        """Which lanes, numbered from `first`, are below `count`: a vector of truths."""
        narrow = Value(self, self.builder.trunc(count.ir, INT)).ir
        nothing = ir.Constant(self._bits, ir.Undefined)
        zeros = ir.Constant(self._bits, [0] * self.lanes)
        counts = self.builder.shuffle_vector(
            self.builder.insert_element(nothing, narrow, INT(0)), nothing, zeros
        )
        numbers = ir.Constant(self._bits, [first + lane for lane in range(self.lanes)])
        return Value(self, self.builder.icmp_signed("<", numbers, counts))

    def total(self, value: Value) -> Value:
        """The sum of the lanes."""
        vector, count = value.ir, self.lanes
        while count > 1:
            count //= 2
            mask = [lane + count if lane < count else 0 for lane in range(self.lanes)]
            other = self.builder.shuffle_vector(vector, vector, ir.Constant(self._bits, mask))
            vector = self.builder.fadd(vector, other)
        return Value(self, self.builder.extract_element(vector, INT(0)))

    def add_totals(self, base: Value, index: Number, values: Sequence[Value]) -> None:
        """Add the sum of the lanes of each value to one of the numbers from `index` on."""
        done = 0
        while done < len(values):
            count = min(self.lanes, 1 << (len(values) - done).bit_length() - 1)
            totals = self._totals([value.ir for value in values[done : done + count]])
            place = self._at(base, self.like(self.number(0), index) + done)
            was = self.builder.load(place, typ=totals.type, align=4)
            self.builder.store(self.builder.fadd(was, totals), place, align=4)
            done += count

    def _totals(self, vectors: list[Any]) -> Any:
        """A vector of the sums of so many vectors' lanes: 1, 2, 4 ... of them, up to `lanes`.

        Neighbouring numbers of two vectors are added into one vector of the same length, again and
        again, until one vector is left; then its parts are folded.
        """
        count, builder = len(vectors), self.builder
        even = ir.Constant(self._bits, [2 * lane for lane in range(self.lanes)])
        odd = ir.Constant(self._bits, [2 * lane + 1 for lane in range(self.lanes)])
        while len(vectors) > 1:
            vectors = [
                builder.fadd(builder.shuffle_vector(x, y, even), builder.shuffle_vector(x, y, odd))
                for x, y in zip(vectors[::2], vectors[1::2], strict=True)
            ]
        (vector,) = vectors
        width = self.lanes
        while width > count:  # numbers 2i and 2i + 1 belong together
            width //= 2
            kind = ir.VectorType(INT, width)
            even = ir.Constant(kind, [2 * lane for lane in range(width)])
            odd = ir.Constant(kind, [2 * lane + 1 for lane in range(width)])
            vector = builder.fadd(
                builder.shuffle_vector(vector, vector, even),
                builder.shuffle_vector(vector, vector, odd),
            )
        return vector

    # --- functions

    def exp(self, x: Value) -> Value:
        """Cephes' expf, between -87 and 88. A NaN stays one."""
        x = self.choose(x > 88.0, self.constant(88.0), x)
        x = self.choose(x < -87.0, self.constant(-87.0), x)
        magic = 12582912.0  # 1.5 * 2**23: what is added to it is rounded to whole numbers
        shifted = self.fma(x, self.constant(1.44269504088896341), magic)
        n = shifted - magic
        r = self.fma(n, self.constant(-0.693359375), x)
        r = self.fma(n, self.constant(2.12194440e-4), r)
        p = self.constant(1.9875691500e-4)
        for c in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5):
            p = self.fma(p, r, c)
        p = self.fma(r * r, p, r + 1.0)
        builder = self.builder
        by = ir.Constant(self._bits, [23] * self.lanes)
        power = builder.shl(builder.bitcast(shifted.ir, self._bits), by)
        bits = builder.add(builder.bitcast(p.ir, self._bits), power)
        return Value(self, builder.bitcast(bits, self._vector))

    def logistic(self, x: Value) -> Value:
        """`1 / (1 + exp(-x))`. A NaN stays one."""
        return 1.0 / (self.exp(0.0 - x) + 1.0)

    def tanh(self, x: Value) -> Value:
        """A rational function (Eigen's). A NaN stays one."""
        limit = 7.90531110763549805
        x = self.choose(x > limit, self.constant(limit), x)
        x = self.choose(x < -limit, self.constant(-limit), x)
        s = x * x
        p = self.constant(-2.76076847742355e-16)
        for c in (
            2.00018790482477e-13,
            -8.60467152213735e-11,
            5.12229709037114e-08,
            1.48572235717979e-05,
            6.37261928875436e-04,
            4.89352455891786e-03,
        ):
            p = self.fma(p, s, c)
        q = self.constant(1.19825839466702e-06)
        for c in (1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03):
            q = self.fma(q, s, c)
        return x * p / q

    def log_of_one_plus(self, x: Value) -> Value:
        """`log(1 + x)` for x from 0 to 1: twice the series of atanh(x / (2 + x))."""
        z = x / (x + 2.0)
        s = z * z
        p = self.constant(1 / 15)
        for c in (1 / 13, 1 / 11, 1 / 9, 1 / 7, 1 / 5, 1 / 3, 1.0):
            p = self.fma(p, s, c)
        return z * p * 2.0

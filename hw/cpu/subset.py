"""Compiler of the typed Python subset in which instructions are written, to LLVM IR.

Why: the semantics of an instruction are written once. Unchanged they run as plain Python (slow, the
oracle); through this compiler they become native code. The language:

- statements: assignment to names and to layout fields, ``if``, ``while``, ``break``, early
  ``return``, calls; expressions: integers, comparisons, ``and or not``, ``a if c else b``, tuples;
- every value is an unsigned integer below 2**64 (``wide`` ones below 2**128) or a truth value. An
  operation that may leave that range is wrapped, ``u64(a + b)``: a mask in Python, free when
  compiled. Right operands of ``and``/``or`` are evaluated always: they have no effects;
- calls are inlined, so arguments known at compile time (operand sizes, functions) are folded and an
  ``if`` on them costs nothing; a function marked ``@noinline`` is compiled once, for slow paths.

State: none. Context: before the fork.
"""

import ast
import inspect
import operator
import textwrap
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, ParamSpec, TypeVar, get_args, get_origin

from hw.spec.layout import Layout

I1: Final = "i1"
I64: Final = "i64"
I128: Final = "i128"
VECTOR: Final = "<2 x i64>"

P = ParamSpec("P")
R = TypeVar("R")

_WIDTH: Final = {I1: 1, I64: 64, I128: 128}


class SubsetError(Exception):
    """The source is outside the subset; the message says where."""


@dataclass(frozen=True)
class Value:
    """An LLVM value of a known type; everything else is known at compile time."""

    name: str
    type: str


@dataclass(frozen=True)
class Pointer:
    """A layout reached through an LLVM pointer; its fields read and write as in Python."""

    layout: type[Layout]
    name: str
    invariant: frozenset[str] = frozenset()  #: fields that never change while code runs


@dataclass
class Slot:
    """A variable assigned more than once."""

    name: str
    type: str


class Primitive(Generic[P, R]):
    """A function that has a Python body and its own LLVM instructions."""

    def __init__(self, python: Callable[P, R], emit: Callable[..., Any]) -> None:
        self.python = python
        self.emit = emit
        self.__name__ = python.__name__
        self.__doc__ = python.__doc__

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        """Run the Python body."""
        return self.python(*arguments, **named)


def primitive(emit: Callable[..., Any]) -> Callable[[Callable[P, R]], Primitive[P, R]]:
    """Decorate the Python twin of the instructions that ``emit(builder, *arguments)`` makes."""
    return lambda python: Primitive(python, emit)


def noinline(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function of the subset to be compiled once and called."""
    function.__dict__["__noinline__"] = True
    return function


@dataclass
class Module:
    """IR under construction: out-of-line functions are added when first called."""

    texts: list[str] = field(default_factory=list)
    symbols: dict[str, str] = field(default_factory=dict)
    externals: set[str] = field(default_factory=set)

    def require(self, function: Callable[..., Any]) -> str:
        """Symbol of an out-of-line function, compiling it when it is new."""
        key = f"{function.__module__}.{function.__qualname__}"
        if key not in self.symbols:
            self.symbols[key] = f"@sub.{key}"
            self.texts.append(compile_function(self, function, self.symbols[key], "internal"))
        return self.symbols[key]

    def declare(self, declaration: str) -> None:
        """Note an LLVM intrinsic that the text uses."""
        self.externals.add(declaration)

    def text(self) -> str:
        """The whole module."""
        return "\n".join([*sorted(self.externals), *self.texts, "!0 = !{}", ""])


class Builder:
    """Emits the body of one LLVM function."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.lines: list[str] = []
        self.allocas: list[str] = []
        self.count = 0
        self.terminated = False
        self.context: dict[str, Any] = {}  #: what the primitives of a handler refer to

    def fresh(self) -> str:
        """A new local name."""
        self.count += 1
        return f"%v{self.count}"

    def line(self, text: str) -> None:
        """Emit an instruction without a result."""
        self.lines.append("  " + text)

    def op(self, text: str, kind: str) -> Value:
        """Emit an instruction; return its result."""
        name = self.fresh()
        self.lines.append(f"  {name} = {text}")
        return Value(name, kind)

    def label(self) -> str:
        """A new label, not placed yet."""
        self.count += 1
        return f"l{self.count}"

    def place(self, label: str) -> None:
        """Begin the basic block ``label``."""
        self.lines.append(f"{label}:")
        self.terminated = False

    def branch(self, label: str) -> None:
        """Jump, unless the block has ended already."""
        if not self.terminated:
            self.line(f"br label %{label}")
            self.terminated = True

    def branch_if(self, condition: Value, yes: str, no: str) -> None:
        """Conditional jump."""
        self.line(f"br i1 {condition.name}, label %{yes}, label %{no}")
        self.terminated = True

    def end(self, text: str) -> None:
        """Emit instructions that leave the function."""
        self.line(text)
        self.terminated = True

    def value(self, thing: Any, kind: str = I64) -> Value:
        """``thing`` as an LLVM value of type ``kind``."""
        if isinstance(thing, Value):
            return self.convert(thing, kind)
        if isinstance(thing, int):
            return Value(str(int(thing) & ((1 << _WIDTH[kind]) - 1)), kind)
        raise SubsetError(f"{thing!r} is no integer")

    def convert(self, value: Value, kind: str) -> Value:
        """Zero-extend or truncate (truth values: compare with zero)."""
        if value.type == kind:
            return value
        if kind == I1:
            return self.op(f"icmp ne {value.type} {value.name}, 0", I1)
        verb = "zext" if _WIDTH[value.type] < _WIDTH[kind] else "trunc"
        return self.op(f"{verb} {value.type} {value.name} to {kind}", kind)

    def slot(self, kind: str) -> Slot:
        """A new variable."""
        name = self.fresh()
        self.allocas.append(f"  {name} = alloca {kind}")
        return Slot(name, kind)

    def store_slot(self, slot: Slot, thing: Any) -> None:
        """Assign a variable."""
        self.line(f"store {slot.type} {self.value(thing, slot.type).name}, ptr {slot.name}")

    def load_slot(self, slot: Slot) -> Value:
        """Read a variable."""
        return self.op(f"load {slot.type}, ptr {slot.name}", slot.type)

    def place_of(self, pointer: Pointer, offset: Any) -> str:
        """LLVM pointer to a byte offset of a layout."""
        at = self.value(offset).name
        return self.op(f"getelementptr i8, ptr {pointer.name}, i64 {at}", "ptr").name

    def load_field(self, pointer: Pointer, name: str) -> Any:
        """Read a layout's field."""
        descriptor = getattr(pointer.layout, name)
        hint = ", !invariant.load !0" if name in pointer.invariant else ""
        return self.load_at(pointer, descriptor.offset, descriptor.size * 8, hint)

    def store_field(self, pointer: Pointer, name: str, thing: Any) -> None:
        """Write a layout's field."""
        descriptor = getattr(pointer.layout, name)
        self.store_at(pointer, descriptor.offset, descriptor.size * 8, thing)

    def load_at(self, pointer: Pointer, offset: Any, bits: int, hint: str = "") -> Any:
        """Read ``bits`` at a byte offset of a layout."""
        address = self.place_of(pointer, offset)
        loaded = self.op(f"load i{bits}, ptr {address}{hint}", f"i{bits}")
        if bits == 64:
            return loaded
        return self.op(f"zext i{bits} {loaded.name} to i64", I64)

    def store_at(self, pointer: Pointer, offset: Any, bits: int, thing: Any) -> None:
        """Write the low ``bits`` of a value at a byte offset of a layout."""
        value = self.value(thing)
        if bits < 64:
            value = self.op(f"trunc i64 {value.name} to i{bits}", f"i{bits}")
        self.line(f"store i{bits} {value.name}, ptr {self.place_of(pointer, offset)}")

    def load_vector(self, pointer: Pointer, offset: Any) -> Value:
        """Read sixteen aligned bytes at an offset of a layout, as two halves."""
        return self.op(f"load {VECTOR}, ptr {self.place_of(pointer, offset)}, align 16", VECTOR)

    def store_vector(self, pointer: Pointer, offset: Any, value: Value) -> None:
        """Write sixteen aligned bytes at an offset of a layout."""
        self.line(f"store {VECTOR} {value.name}, ptr {self.place_of(pointer, offset)}, align 16")

    def call(self, function: Callable[..., Any], arguments: list[Any]) -> Any:
        """Apply a subset function, a primitive or, if all is known, any Python callable."""
        if isinstance(function, Primitive):
            return function.emit(self, *arguments)
        if "__noinline__" in getattr(function, "__dict__", {}):
            return self._call_out_of_line(function, arguments)
        if inspect.isfunction(function):
            return Inlined(self, function, arguments).run()
        if all(not isinstance(a, Value) for a in arguments):
            return function(*arguments)
        raise SubsetError(f"{function!r} is not of the subset")

    def _call_out_of_line(self, function: Callable[..., Any], arguments: list[Any]) -> Any:
        symbol = self.module.require(function)
        passed = []
        for argument, kind in zip(arguments, _parameter_types(function), strict=True):
            if isinstance(kind, type):
                passed.append(f"ptr {argument.name}")
            else:
                passed.append(f"{kind} {self.value(argument, kind).name}")
        result = _result_type(function)
        call = f"call {result} {symbol}({', '.join(passed)})"
        if result == "void":
            self.line(call)
            return None
        returned = self.op(call, result)
        if not result.startswith("{"):
            return returned
        members = range(result.count(I64))
        return tuple(self.op(f"extractvalue {result} {returned.name}, {k}", I64) for k in members)


_PARSED: Final[dict[Any, tuple[ast.FunctionDef, Counter[str]]]] = {}


def _parse(function: Callable[..., Any]) -> tuple[ast.FunctionDef, "Counter[str]"]:
    """AST of a function and how often each name is assigned (a cache of source text)."""
    if function not in _PARSED:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        assert isinstance(tree, ast.FunctionDef)
        counts = Counter(a.arg for a in tree.args.args)
        counts.update(
            n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        )
        _PARSED[function] = (tree, counts)
    return _PARSED[function]


def _parameter_types(function: Callable[..., Any]) -> list[Any]:
    """LLVM type or layout class of each parameter of an out-of-line function."""
    kinds: list[Any] = []
    for parameter in inspect.signature(function).parameters.values():
        note = parameter.annotation
        if isinstance(note, type) and issubclass(note, Layout):
            kinds.append(note)
        else:
            kinds.append(I1 if note is bool else I64)
    return kinds


def _result_type(function: Callable[..., Any]) -> str:
    note = inspect.signature(function).return_annotation
    if get_origin(note) is tuple:
        return f"{{ {', '.join([I64] * len(get_args(note)))} }}"
    return "void" if note is None else I1 if note is bool else I64


def _emit_return(builder: Builder, result: Any, kind: str) -> None:
    """Leave an out-of-line function."""
    if kind == "void":
        builder.end("ret void")
        return
    if isinstance(result, tuple):
        packed = Value("undef", kind)
        for k, part in enumerate(result):
            member = builder.value(part).name
            packed = builder.op(f"insertvalue {kind} {packed.name}, i64 {member}, {k}", kind)
        result = packed
    builder.end(f"ret {kind} {result.name if kind[0] == '{' else builder.value(result, kind).name}")


def compile_function(
    module: Module, function: Callable[..., Any], symbol: str, linkage: str = ""
) -> str:
    """IR of a function with the C calling convention: integers as i64, layouts as pointers."""
    builder = Builder(module)
    parameters: list[str] = []
    arguments: list[Any] = []
    for index, kind in enumerate(_parameter_types(function)):
        if isinstance(kind, type):
            parameters.append(f"ptr %p{index}")
            arguments.append(Pointer(kind, f"%p{index}"))
        else:
            parameters.append(f"{kind} %p{index}")
            arguments.append(Value(f"%p{index}", kind))
    result = Inlined(builder, function, arguments).run()
    kind = _result_type(function)
    if not builder.terminated:
        _emit_return(builder, result, kind)
    body = "\n".join([*builder.allocas, *builder.lines])
    return (
        f"define {linkage} {kind} {symbol}({', '.join(parameters)}) noinline nounwind {{\n"
        f"entry:\n{body}\n}}"
    )


_FOLD: Final[dict[type, Callable[..., Any]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
    ast.LShift: operator.lshift, ast.RShift: operator.rshift,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
    ast.Not: operator.not_, ast.Invert: operator.invert, ast.USub: operator.neg,
}  # fmt: skip
_BINARY: Final[dict[type, str]] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and", ast.BitOr: "or",
    ast.BitXor: "xor", ast.LShift: "shl", ast.RShift: "lshr", ast.FloorDiv: "udiv", ast.Mod: "urem",
}  # fmt: skip
_COMPARE: Final[dict[type, str]] = {
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "ult", ast.LtE: "ule", ast.Gt: "ugt", ast.GtE: "uge",
}  # fmt: skip


class Inlined:
    """One application of a subset function inside a builder."""

    def __init__(
        self, builder: Builder, function: Callable[..., Any], arguments: list[Any]
    ) -> None:
        self.b = builder
        self.function = function
        self.tree, self.counts = _parse(function)
        self.globals = function.__globals__
        self.env: dict[str, Any] = {}
        self.depth = 0  #: how many branches decided at run time enclose this statement
        self.exit: str | None = None
        self.result: Any = None
        self.returned = False
        self.breaks: list[str] = []
        names = [a.arg for a in self.tree.args.args]
        defaults = [ast.literal_eval(d) for d in self.tree.args.defaults]
        if len(arguments) < len(names):
            missing = len(names) - len(arguments)
            arguments = [*arguments, *defaults[len(defaults) - missing :]]
        if len(names) != len(arguments):
            raise SubsetError(f"{function.__name__} takes {names}, got {len(arguments)} arguments")
        for name, argument in zip(names, arguments, strict=True):
            self.assign(name, argument)

    def run(self) -> Any:
        """Emit the body; return the function's result."""
        self.suite(self.tree.body)
        if self.exit is None:
            return self.result
        self.b.branch(self.exit)
        self.b.place(self.exit)
        return self._load(self.result)

    def _load(self, thing: Any) -> Any:
        if isinstance(thing, Slot):
            return self.b.load_slot(thing)
        if isinstance(thing, tuple):
            return tuple(self._load(t) for t in thing)
        return thing

    # Statements

    def suite(self, body: list[ast.stmt]) -> None:
        """Statements in order, up to the first that leaves."""
        for statement in body:
            if self.b.terminated or self.returned:
                return
            method = getattr(self, "do_" + type(statement).__name__, None)
            if method is None:
                raise SubsetError(f"{self._where(statement)}: {type(statement).__name__}")
            try:
                method(statement)
            except (SubsetError, TypeError, AttributeError, KeyError) as error:
                if isinstance(error, SubsetError) and " in " in str(error):
                    raise
                raise SubsetError(f"{error} in {self._where(statement)}") from error

    def _where(self, node: ast.AST) -> str:
        return f"{self.function.__module__}.{self.function.__name__}: {ast.unparse(node)}"

    def do_Pass(self, node: ast.Pass) -> None:  # noqa: N802 names are those of ast
        """Nothing."""

    def do_Expr(self, node: ast.Expr) -> None:  # noqa: N802
        """A call for its effect, or a docstring."""
        if not isinstance(node.value, ast.Constant):
            self.expression(node.value)

    def do_Assign(self, node: ast.Assign) -> None:  # noqa: N802
        """``name = ...``, ``a, b = ...`` or ``layout.field = ...``."""
        value = self.expression(node.value)
        if self.b.terminated:
            return
        target = node.targets[0]
        if isinstance(target, ast.Tuple):
            for name, part in zip(target.elts, value, strict=True):
                assert isinstance(name, ast.Name)
                self.assign(name.id, part)
        elif isinstance(target, ast.Attribute):
            self.b.store_field(self.expression(target.value), target.attr, value)
        else:
            assert isinstance(target, ast.Name)
            self.assign(target.id, value)

    def do_AnnAssign(self, node: ast.AnnAssign) -> None:  # noqa: N802
        """``name: int = ...``."""
        assert isinstance(node.target, ast.Name) and node.value is not None  # noqa: PT018
        self.assign(node.target.id, self.expression(node.value))

    def do_AugAssign(self, node: ast.AugAssign) -> None:  # noqa: N802
        """``name += ...``."""
        assert isinstance(node.target, ast.Name)
        left = self._load(self.env[node.target.id])
        self.assign(node.target.id, self.binary(node.op, left, self.expression(node.value)))

    def assign(self, name: str, value: Any) -> None:
        """Bind a name; one assigned once needs no variable."""
        if self.counts[name] == 1 or not isinstance(value, Value | int):
            self.env[name] = value
            return
        if not isinstance(self.env.get(name), Slot):
            self.env[name] = self.b.slot(_type_of(value))
        self.b.store_slot(self.env[name], value)

    def do_If(self, node: ast.If) -> None:  # noqa: N802
        """Both branches, or the taken one where the condition is known."""
        condition = self.expression(node.test)
        if not isinstance(condition, Value):
            self.suite(node.body if condition else node.orelse)
            return
        yes, no, end = self.b.label(), self.b.label(), self.b.label()
        self.b.branch_if(self.b.convert(condition, I1), yes, no)
        open_ends = 0
        self.depth += 1
        for label, body in ((yes, node.body), (no, node.orelse)):
            self.b.place(label)
            self.suite(body)
            if not self.b.terminated:
                self.b.branch(end)
                open_ends += 1
        self.depth -= 1
        if open_ends:
            self.b.place(end)

    def do_While(self, node: ast.While) -> None:  # noqa: N802
        """A loop; the condition is evaluated at each turn."""
        head, body, end = self.b.label(), self.b.label(), self.b.label()
        self.b.branch(head)
        self.b.place(head)
        condition = self.expression(node.test)
        if isinstance(condition, Value):
            self.b.branch_if(self.b.convert(condition, I1), body, end)
        else:
            assert condition, "a loop that never runs"
            self.b.branch(body)
        self.depth += 1
        self.breaks.append(end)
        self.b.place(body)
        self.suite(node.body)
        self.b.branch(head)
        self.breaks.pop()
        self.depth -= 1
        self.b.place(end)

    def do_Break(self, node: ast.Break) -> None:  # noqa: ARG002, N802
        """Leave the innermost loop."""
        self.b.branch(self.breaks[-1])

    def do_Return(self, node: ast.Return) -> None:  # noqa: N802
        """Leave this function; one return at the end is the plain case."""
        value = None if node.value is None else self.expression(node.value)
        if self.b.terminated:
            return
        if self.depth == 0 and self.exit is None:
            self.result = value
            self.returned = True
            return
        if self.exit is None:
            self.exit = self.b.label()
            self.result = self._slot_for(value)
        self._store_result(self.result, value)
        self.b.branch(self.exit)

    def _slot_for(self, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, tuple):
            return tuple(self._slot_for(v) for v in value)
        return self.b.slot(_type_of(value))

    def _store_result(self, slot: Any, value: Any) -> None:
        if isinstance(slot, tuple):
            for s, v in zip(slot, value, strict=True):
                self._store_result(s, v)
        elif slot is not None:
            self.b.store_slot(slot, value)

    # Expressions

    def expression(self, node: ast.expr) -> Any:
        """A ``Value``, or a Python object where it is known at compile time."""
        method = getattr(self, "of_" + type(node).__name__, None)
        if method is None:
            raise SubsetError(f"{type(node).__name__} in {self._where(node)}")
        return method(node)

    def of_Constant(self, node: ast.Constant) -> Any:  # noqa: N802
        """A literal."""
        return node.value

    def of_Name(self, node: ast.Name) -> Any:  # noqa: N802
        """A variable, or a global of the function's module."""
        if node.id in self.env:
            return self._load(self.env[node.id])
        if node.id in self.globals:
            return self.globals[node.id]
        return self.globals["__builtins__"][node.id]

    def of_Attribute(self, node: ast.Attribute) -> Any:  # noqa: N802
        """A layout's field, or an attribute of something known."""
        owner = self.expression(node.value)
        if isinstance(owner, Pointer):
            return self.b.load_field(owner, node.attr)
        return getattr(owner, node.attr)

    def of_Tuple(self, node: ast.Tuple) -> Any:  # noqa: N802
        """Several results."""
        return tuple(self.expression(e) for e in node.elts)

    def of_Subscript(self, node: ast.Subscript) -> Any:  # noqa: N802
        """An element of a table known at compile time."""
        return self.expression(node.value)[self.expression(node.slice)]

    def of_Call(self, node: ast.Call) -> Any:  # noqa: N802
        """A call, inlined unless marked."""
        return self.b.call(self.expression(node.func), [self.expression(a) for a in node.args])

    def of_BinOp(self, node: ast.BinOp) -> Any:  # noqa: N802
        """Arithmetic."""
        return self.binary(node.op, self.expression(node.left), self.expression(node.right))

    def binary(self, op: ast.operator, left: Any, right: Any) -> Any:
        """Arithmetic on the wider type of the two."""
        if not isinstance(left, Value) and not isinstance(right, Value):
            return _FOLD[type(op)](left, right)
        kind = self._common(left, right)
        a, c = self.b.value(left, kind), self.b.value(right, kind)
        return self.b.op(f"{_BINARY[type(op)]} {kind} {a.name}, {c.name}", kind)

    @staticmethod
    def _common(left: Any, right: Any) -> str:
        kinds = [_type_of(left), _type_of(right)]
        return max(kinds, key=lambda k: _WIDTH[k])

    def of_UnaryOp(self, node: ast.UnaryOp) -> Any:  # noqa: N802
        """``not``, ``~`` and ``-``."""
        operand = self.expression(node.operand)
        if not isinstance(operand, Value):
            return _FOLD[type(node.op)](operand)
        if isinstance(node.op, ast.Not):
            return self.b.op(f"xor i1 {self.b.convert(operand, I1).name}, true", I1)
        kind = operand.type
        if isinstance(node.op, ast.Invert):
            return self.b.op(f"xor {kind} {operand.name}, -1", kind)
        return self.b.op(f"sub {kind} 0, {operand.name}", kind)

    def of_Compare(self, node: ast.Compare) -> Any:  # noqa: N802
        """One comparison, unsigned."""
        assert len(node.ops) == 1, "chained comparison"
        left, right = self.expression(node.left), self.expression(node.comparators[0])
        op = type(node.ops[0])
        if not isinstance(left, Value) and not isinstance(right, Value):
            return _FOLD[op](left, right)
        kind = self._common(left, right)
        a, c = self.b.value(left, kind), self.b.value(right, kind)
        return self.b.op(f"icmp {_COMPARE[op]} {kind} {a.name}, {c.name}", I1)

    def of_BoolOp(self, node: ast.BoolOp) -> Any:  # noqa: N802
        """``and`` and ``or`` of truth values."""
        is_and = isinstance(node.op, ast.And)
        result: Any = None
        for operand in node.values:
            value = self.expression(operand)
            if not isinstance(value, Value):
                if bool(value) is not is_and:
                    return value  # decides the whole
                result = value if result is None else result
                continue
            value = self.b.convert(value, I1)
            if isinstance(result, Value):
                verb = "and" if is_and else "or"
                value = self.b.op(f"{verb} i1 {result.name}, {value.name}", I1)
            result = value
        return result

    def of_IfExp(self, node: ast.IfExp) -> Any:  # noqa: N802
        """A choice between two values, both of which are evaluated: they have no effects."""
        condition = self.expression(node.test)
        if not isinstance(condition, Value):
            return self.expression(node.body if condition else node.orelse)
        left, right = self.expression(node.body), self.expression(node.orelse)
        kind = self._common(left, right)
        a, c = self.b.value(left, kind), self.b.value(right, kind)
        chosen = self.b.convert(condition, I1)
        return self.b.op(f"select i1 {chosen.name}, {kind} {a.name}, {kind} {c.name}", kind)


def _type_of(thing: Any) -> str:
    if isinstance(thing, Value):
        return thing.type
    return I1 if isinstance(thing, bool) else I64

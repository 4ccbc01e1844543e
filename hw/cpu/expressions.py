"""Expressions of the typed subset, as LLVM values or as what is known at compile time.

State: none. Context: as hw.cpu.ir.
"""

import ast
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from hw.cpu.ir import I1, WIDTH, Builder, Pointer, Slot, Value, type_of
from hw.cpu.subset import SubsetError

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


def _common(left: Any, right: Any) -> str:
    """The wider type of two operands."""
    return max(type_of(left), type_of(right), key=lambda kind: WIDTH[kind])


class Expressions(ABC):
    """The expressions of one application of a subset function."""

    b: Builder
    function: Callable[..., Any]
    env: dict[str, Any]  #: what each name of the function stands for

    @abstractmethod
    def call(self, function: Callable[..., Any], arguments: list[Any]) -> Any:
        """Apply a function that an expression calls."""

    def where(self, node: ast.AST) -> str:
        """Name of the function, and the source of a node, for messages."""
        return f"{self.function.__module__}.{self.function.__name__}: {ast.unparse(node)}"

    def load(self, thing: Any) -> Any:
        """What stands in a variable, or in several."""
        if isinstance(thing, Slot):
            return self.b.load_slot(thing)
        if isinstance(thing, tuple):
            return tuple(self.load(t) for t in thing)
        return thing

    def expression(self, node: ast.expr) -> Any:
        """A ``Value``, or a Python object where it is known at compile time."""
        method = getattr(self, "of_" + type(node).__name__, None)
        if method is None:
            raise SubsetError(f"{type(node).__name__} in {self.where(node)}")
        return method(node)

    def of_Constant(self, node: ast.Constant) -> Any:  # noqa: N802
        """A literal."""
        return node.value

    def of_Name(self, node: ast.Name) -> Any:  # noqa: N802
        """A variable, or a global of the function's module."""
        if node.id in self.env:
            return self.load(self.env[node.id])
        if node.id in self.function.__globals__:
            return self.function.__globals__[node.id]
        return self.function.__globals__["__builtins__"][node.id]

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
        return self.call(self.expression(node.func), [self.expression(a) for a in node.args])

    def of_BinOp(self, node: ast.BinOp) -> Any:  # noqa: N802
        """Arithmetic."""
        return self.binary(node.op, self.expression(node.left), self.expression(node.right))

    def binary(self, op: ast.operator, left: Any, right: Any) -> Any:
        """Arithmetic on the wider type of the two."""
        if not isinstance(left, Value) and not isinstance(right, Value):
            return _FOLD[type(op)](left, right)
        kind = _common(left, right)
        a, c = self.b.value(left, kind), self.b.value(right, kind)
        return self.b.op(f"{_BINARY[type(op)]} {kind} {a.name}, {c.name}", kind)

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
        kind = _common(left, right)
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
        kind = _common(left, right)
        a, c = self.b.value(left, kind), self.b.value(right, kind)
        chosen = self.b.convert(condition, I1)
        return self.b.op(f"select i1 {chosen.name}, {kind} {a.name}, {kind} {c.name}", kind)

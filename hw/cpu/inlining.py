"""Functions of the typed subset to LLVM IR, by inlining what they call.

State: none but a cache of parsed sources. Context: as hw.cpu.ir.
"""

import ast
import inspect
import textwrap
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, get_args, get_origin

from hw.cpu.expressions import Expressions
from hw.cpu.ir import I1, I64, Builder, Module, Pointer, Slot, Value, type_of
from hw.cpu.subset import Primitive, SubsetError
from hw.spec.layout import Layout

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


class FunctionBuilder(Builder):
    """A builder that applies functions of the subset."""

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

    def _symbol_of(self, function: Callable[..., Any]) -> str:
        """Symbol of an out-of-line function, compiling it when it is new."""
        symbols = self.module.symbols
        key = f"{function.__module__}.{function.__qualname__}"
        if key not in symbols:
            symbols[key] = f"@sub.{key}"
            text = compile_function(self.module, function, symbols[key], "internal")
            self.module.texts.append(text)
        return symbols[key]

    def _call_out_of_line(self, function: Callable[..., Any], arguments: list[Any]) -> Any:
        symbol = self._symbol_of(function)
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
    builder = FunctionBuilder(module)
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


class Inlined(Expressions):
    """One application of a subset function inside a builder."""

    def __init__(
        self, builder: FunctionBuilder, function: Callable[..., Any], arguments: list[Any]
    ) -> None:
        self.b: FunctionBuilder = builder
        self.function = function
        self.tree, self.counts = _parse(function)
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
        return self.load(self.result)

    def call(self, function: Callable[..., Any], arguments: list[Any]) -> Any:
        """As ``FunctionBuilder.call``."""
        return self.b.call(function, arguments)

    def suite(self, body: list[ast.stmt]) -> None:
        """Statements in order, up to the first that leaves."""
        for statement in body:
            if self.b.terminated or self.returned:
                return
            method = getattr(self, "do_" + type(statement).__name__, None)
            if method is None:
                raise SubsetError(f"{self.where(statement)}: {type(statement).__name__}")
            try:
                method(statement)
            except (SubsetError, TypeError, AttributeError, KeyError) as error:
                if isinstance(error, SubsetError) and " in " in str(error):
                    raise
                raise SubsetError(f"{error} in {self.where(statement)}") from error

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
        left = self.load(self.env[node.target.id])
        self.assign(node.target.id, self.binary(node.op, left, self.expression(node.value)))

    def assign(self, name: str, value: Any) -> None:
        """Bind a name; one assigned once needs no variable."""
        if self.counts[name] == 1 or not isinstance(value, Value | int):
            self.env[name] = value
            return
        if not isinstance(self.env.get(name), Slot):
            self.env[name] = self.b.slot(type_of(value))
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
        return self.b.slot(type_of(value))

    def _store_result(self, slot: Any, value: Any) -> None:
        if isinstance(slot, tuple):
            for s, v in zip(slot, value, strict=True):
                self._store_result(s, v)
        elif slot is not None:
            self.b.store_slot(slot, value)

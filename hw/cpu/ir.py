"""LLVM IR under construction: typed values, a module, the body of one function.

State: none. Context: before the fork, and the process that compiles regions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hw.cpu.subset import SubsetError
from hw.spec.layout import Layout

I1: Final = "i1"
I64: Final = "i64"
I128: Final = "i128"
VECTOR: Final = "<2 x i64>"

WIDTH: Final = {I1: 1, I64: 64, I128: 128}


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
    #: Fields known to equal another layout's: name -> that layout and its field's name.
    instead: Mapping[str, tuple["Pointer", str]] = field(default_factory=dict)


@dataclass
class Slot:
    """A variable assigned more than once."""

    name: str
    type: str


def type_of(thing: Any) -> str:
    """LLVM type of a value, or of an integer known at compile time."""
    if isinstance(thing, Value):
        return thing.type
    return I1 if isinstance(thing, bool) else I64


@dataclass
class Module:
    """A module: out-of-line functions are added when they are first called."""

    texts: list[str] = field(default_factory=list)
    symbols: dict[str, str] = field(default_factory=dict)  #: function -> its LLVM name
    externals: set[str] = field(default_factory=set)

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
        #: What the primitives of a handler refer to; the micro-op at hand is one of it.
        self.context: dict[str, Any] = {"micro_op": "%u"}

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
            return Value(str(int(thing) & ((1 << WIDTH[kind]) - 1)), kind)
        raise SubsetError(f"{thing!r} is no integer")

    def convert(self, value: Value, kind: str) -> Value:
        """Zero-extend or truncate (truth values: compare with zero)."""
        if value.type == kind:
            return value
        if kind == I1:
            return self.op(f"icmp ne {value.type} {value.name}, 0", I1)
        verb = "zext" if WIDTH[value.type] < WIDTH[kind] else "trunc"
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
        pointer, name = pointer.instead.get(name, (pointer, name))
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

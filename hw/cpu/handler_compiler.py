"""Families of handlers to native code: their IR, and the key under which an object is kept.

State: none but caches of sources. Context: Python; compiling takes up to seconds.
"""

import ctypes
import hashlib
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

from hw import native, ram
from hw.cpu import code_cache, control
from hw.cpu.inlining import FunctionBuilder, Inlined
from hw.cpu.ir import Module, Pointer
from hw.cpu.micro_op import INVARIANT, SLOT, MicroOp
from hw.cpu.semantics.handler import Handler, fault_exit
from hw.cpu.state import TSC, CpuState

_ROOT: Final = Path(__file__).parents[2]
#: What all IR depends on, besides its own module's imports.
_COMPILER: Final = ("hw.cpu.handler_compiler", "hw.cpu.control", "hw.cpu.micro_op")
_IMPORT: Final = re.compile(rb"^ *from (hw[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)


@cache
def family_handlers(family: ModuleType) -> tuple[Handler, ...]:
    """The handlers of a family."""
    return tuple(family.handlers())


def _next_op(builder: FunctionBuilder, u: Pointer) -> str:
    """LLVM pointer to the micro-op after one."""
    return builder.op(f"getelementptr i8, ptr {u.name}, i64 {SLOT}", "ptr").name


def handler_text(module: Module, handler: Handler, symbol: str, linkage: str = "internal") -> str:
    """IR of one handler."""
    builder = FunctionBuilder(module)
    builder.context["budget_offset"] = CpuState.offset_of("budget")
    s, u = Pointer(CpuState, "%s"), Pointer(MicroOp, "%u", INVARIANT)
    Inlined(builder, handler.form, [s, u, *handler.constants]).run()
    if handler.second is not None:
        known = {handler.link: (u, "a")} if handler.link else {}
        u = Pointer(MicroOp, _next_op(builder, u), INVARIANT, known)
        builder.context["micro_op"] = u.name
        Inlined(builder, handler.second.form, [s, u, *handler.second.constants]).run()
    if not builder.terminated:
        control.emit_dispatch(builder, _next_op(builder, u), "%budget")
    body = "\n".join([*builder.allocas, *builder.lines])
    return (
        f"define {linkage} {control.CONVENTION} void {symbol}({control.PARAMETERS}) nounwind {{\n"
        f"entry:\n{body}\n}}"
    )


def _symbol(family: ModuleType) -> str:
    """Name of the native function that returns the table of a family's handlers."""
    return f"cpu_handlers_{family.__name__.rpartition('.')[2]}"


def _family_text(family: ModuleType) -> str:
    """IR of a family's handlers, and a function that returns their table."""
    module = Module()
    chosen = family_handlers(family)
    exit_handler = Handler("leave_fault", fault_exit)
    module.texts.append(handler_text(module, exit_handler, "@leave_fault"))
    for index, handler in enumerate(chosen):
        module.texts.append(handler_text(module, handler, f"@h{index}"))
    members = ", ".join(f"ptr @h{index}" for index in range(len(chosen)))
    module.texts.append(f"@table = internal constant [{len(chosen)} x ptr] [{members}]")
    module.texts.append(f"define ptr @{_symbol(family)}() {{\n  ret ptr @table\n}}")
    return module.text()


@cache
def imports_of(name: str) -> tuple[bytes, frozenset[str]]:
    """Source of a module of hw, and the modules of hw that it imports."""
    path = _ROOT / Path(*name.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    source = path.read_bytes()
    found = set()
    for package, names in _IMPORT.findall(source):
        if not (_ROOT / package.decode().replace(".", "/")).is_dir():
            found.add(package.decode())
            continue
        for member in names.translate(None, b"()").split(b","):
            words = member.split()
            if words:
                found.add(f"{package.decode()}.{words[0].decode()}")
    return source, frozenset(found)


def source_key(*roots: str) -> str:
    """Hash of what the native code of some modules follows from.

    That is their sources with all that they import, and the addresses that are named in the code.
    """
    places = [ctypes.addressof(p) for p in (ram.HEADER, ram.PENDING[0], TSC, code_cache.HEADER)]
    digest = hashlib.sha256(repr(places).encode())
    seen: set[str] = set()
    waiting = [*roots, *_COMPILER]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(imports_of(name)[1])
    for name in sorted(seen):
        digest.update(imports_of(name)[0])
    return digest.hexdigest()


def load_family(family: ModuleType) -> list[int]:
    """Host addresses of a family's handlers; compiles them if they are in no cache."""
    symbol = _symbol(family)
    key = f"{source_key(family.__name__)}:{symbol}"
    passes = getattr(family, "PASSES", 1)
    found = native.load(key, [symbol], lambda: _family_text(family), passes=passes)
    members = native.function(found[symbol], ctypes.c_uint64)()
    return list((ctypes.c_uint64 * len(family_handlers(family))).from_address(members))

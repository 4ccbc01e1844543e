"""Threaded code: every handler compiled once to native code, kept as an object file on disk.

A block runs as a chain of tail calls: each handler does its micro-op, loads the number of the next
from the code cache, its address from the table, and jumps there with the core's state in host
registers (hw.cpu.control). Numbers are positions in ``handler_list``, so decoded code does not
depend on where a process has its native code.

State: the native code and the table, private to the process and the same in all forked from it.
Context: ``load`` before the fork.
"""

import ctypes
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from hw import native, ram
from hw.cpu import code_cache, control, page_copy, run_loop, walker
from hw.cpu.micro_op import INVARIANT, SLOT, MicroOp
from hw.cpu.semantics import (
    alu,
    bit,
    branch,
    locked,
    move,
    muldiv,
    shift,
    sse,
    stack,
    string,
    system,
)
from hw.cpu.semantics.handler import Handler
from hw.cpu.state import TSC, CpuState
from hw.cpu.subset import Builder, Inlined, Module, Pointer, compile_function

#: Families in the order of their handlers' numbers.
FAMILIES: Final = (move, alu, shift, muldiv, bit, stack, branch, string, locked, sse, system)
#: Handlers are compiled in this many modules, so that a first start shows progress.
PARTS: Final = 8
#: Functions that Python calls.
ENTRIES: Final[dict[str, Callable[..., Any]]] = {
    "cpu_run": run_loop.run,
    "cpu_run_block": run_loop.run_block,
    "cpu_flush_all": run_loop.flush_all,
    "cpu_flush_page": run_loop.flush_page,
    "cpu_walk": walker.walk,
    "cpu_copy_pages": page_copy.copy_pages,
}


@cache
def handler_list() -> tuple[Handler, ...]:
    """All handlers, by number."""
    return tuple(handler for family in FAMILIES for handler in family.handlers())


@cache
def numbers() -> dict[str, int]:
    """Number of each handler, by name."""
    table = {handler.name: number for number, handler in enumerate(handler_list())}
    assert len(table) == len(handler_list()), "two handlers of one name"
    return table


def handler_text(module: Module, handler: Handler, symbol: str, linkage: str = "internal") -> str:
    """IR of one handler."""
    builder = Builder(module)
    builder.context["budget_offset"] = CpuState.offset_of("budget")
    s, u = Pointer(CpuState, "%s"), Pointer(MicroOp, "%u", INVARIANT)
    Inlined(builder, handler.form, [s, u, *handler.constants]).run()
    if not builder.terminated:
        following = builder.op(f"getelementptr i8, ptr %u, i64 {SLOT}", "ptr")
        control.emit_dispatch(builder, following.name, "%budget")
    body = "\n".join([*builder.allocas, *builder.lines])
    return (
        f"define {linkage} {control.CONVENTION} void {symbol}({control.PARAMETERS}) nounwind {{\n"
        f"entry:\n{body}\n}}"
    )


def part_text(part: int) -> str:
    """IR of every PARTS-th handler, and a function that returns their table."""
    module = Module()
    chosen = handler_list()[part::PARTS]
    exit_handler = Handler("leave_fault", system.fault_exit)
    module.texts.append(handler_text(module, exit_handler, "@leave_fault"))
    for index, handler in enumerate(chosen):
        module.texts.append(handler_text(module, handler, f"@h{index}"))
    members = ", ".join(f"ptr @h{index}" for index in range(len(chosen)))
    module.texts.append(f"@table = internal constant [{len(chosen)} x ptr] [{members}]")
    module.texts.append(f"define ptr @cpu_handlers_{part}() {{\n  ret ptr @table\n}}")
    return module.text()


def entries_text() -> str:
    """IR of the functions that Python calls."""
    module = Module()
    for symbol, function in ENTRIES.items():
        module.texts.append(compile_function(module, function, f"@{symbol}"))
    return module.text()


@cache
def source_key() -> str:
    """Hash of all that the native code follows from: sources, and addresses it names."""
    places = [ctypes.addressof(p) for p in (ram.HEADER, ram.PENDING[0], TSC, code_cache.HEADER)]
    digest = hashlib.sha256(repr(places).encode())
    here = Path(__file__).parent
    shared = [here.parent / "ram.py", *sorted((here.parent / "spec").glob("*.py"))]
    for path in [*shared, *sorted(here.rglob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


class NativeCode:
    """The compiled core: the table of handlers and the functions that Python calls."""

    def __init__(self, progress: Callable[[int, int], None] | None = None) -> None:
        key = source_key()
        total = PARTS + 1
        entries = native.load(f"{key}:entries", ENTRIES, entries_text)
        self.run = native.function(entries["cpu_run"], *[ctypes.c_uint64] * 2)
        self.run_block = native.function(entries["cpu_run_block"], *[ctypes.c_uint64] * 3)
        self.flush_all = native.function(entries["cpu_flush_all"], None, ctypes.c_uint64)
        self.flush_page = native.function(entries["cpu_flush_page"], None, *[ctypes.c_uint64] * 2)
        self.walk = native.function(entries["cpu_walk"], *[ctypes.c_uint64] * 6)
        self.copy_pages = native.function(entries["cpu_copy_pages"], *[ctypes.c_uint64] * 6)
        self.table = (ctypes.c_uint64 * len(handler_list()))()
        for part in range(PARTS):
            if progress is not None:
                progress(part + 1, total)
            self._load_part(key, part)
        if progress is not None:
            progress(total, total)

    def _load_part(self, key: str, part: int) -> None:
        name = f"cpu_handlers_{part}"
        found = native.load(f"{key}:{part}", [name], lambda: part_text(part), passes=1)
        members = native.function(found[name], ctypes.c_uint64)()
        count = len(handler_list()[part::PARTS])
        self.table[part::PARTS] = list((ctypes.c_uint64 * count).from_address(members))


@cache
def load(progress: Callable[[int, int], None] | None = None) -> NativeCode:
    """The native code of this process; ``progress(done, total)`` is told of a slow first time."""
    return NativeCode(progress)

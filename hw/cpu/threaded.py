"""Threaded code: every handler compiled once to native code, kept as an object file on disk.

A block runs as a chain of tail calls: each handler does its micro-op, loads the number of the next
from the code cache, its address from the table, and jumps there with the core's state in host
registers (hw.cpu.control). Numbers are positions in ``handler_list``, so decoded code does not
depend on where a process has its native code.

Each family of semantics is an object file of its own, keyed by the sources that it follows from.
Most programs use few: the handlers of a RARE family are loaded by a process when it first meets
one, and until then their places in the table lead to a handler that asks for them (EXIT_FAMILY).

State: the native code and the table, private to the process. Context: ``load`` before the fork;
``NativeCode.load_families_of`` in a core's own process.
"""

import ctypes
from collections.abc import Callable, Iterable
from functools import cache
from types import ModuleType
from typing import Any, Final

from hw import native
from hw.cpu import code_cache, page_copy, run_loop, single_step, tlb_banks, walker
from hw.cpu.handler_compiler import family_handlers, load_family, source_key
from hw.cpu.inlining import compile_function
from hw.cpu.ir import Module
from hw.cpu.semantics import (
    alu,
    approximation,
    bit,
    bmi,
    branch,
    checksum,
    fusion,
    fxsave,
    locked,
    mmx,
    move,
    muldiv,
    privilege,
    random,
    region,
    segment,
    shift,
    sse,
    sse4,
    sse_float,
    sse_integer,
    stack,
    string,
    string_compare,
    system,
    x87,
    x87_control,
    x87_functions,
    x87_transfer,
    xsave,
)
from hw.cpu.semantics.handler import Handler

#: Loaded before the fork.
COMMON: Final = (
    move, alu, shift, muldiv, bit, stack, branch, string, locked, sse, sse_integer, sse_float,
    system, privilege, region, fusion,
)  # fmt: skip
#: Loaded by a process that meets one of their handlers.
RARE: Final[tuple[ModuleType, ...]] = (
    sse4, string_compare, bmi, checksum, approximation, random,
    x87, x87_transfer, x87_control, x87_functions, mmx, fxsave, xsave, segment,
)  # fmt: skip
#: Families in the order of their handlers' numbers.
FAMILIES: Final = (*COMMON, *RARE)
#: Functions that Python calls.
ENTRIES: Final[dict[str, Callable[..., Any]]] = {
    "cpu_run": run_loop.run,
    "cpu_run_block": run_loop.run_block,
    "cpu_enter_context": tlb_banks.enter_context,
    "cpu_flush_all": tlb_banks.flush_all,
    "cpu_flush_jumps": tlb_banks.flush_jumps,
    "cpu_flush_page": tlb_banks.flush_page,
    "cpu_flush_local": tlb_banks.flush_local,
    "cpu_run_one": single_step.run_one,
    "cpu_walk": walker.walk,
    "cpu_copy_pages": page_copy.copy_pages,
    "cpu_publish": code_cache.publish,
}


@cache
def handler_list() -> tuple[Handler, ...]:
    """All handlers, by number."""
    return tuple(handler for family in FAMILIES for handler in family_handlers(family))


@cache
def _members(family: ModuleType) -> range:
    """Numbers of a family's handlers."""
    before = FAMILIES[: FAMILIES.index(family)]
    first = sum(len(family_handlers(other)) for other in before)
    return range(first, first + len(family_handlers(family)))


@cache
def numbers() -> dict[str, int]:
    """Number of each handler, by name."""
    table = {handler.name: number for number, handler in enumerate(handler_list())}
    assert len(table) == len(handler_list()), "two handlers of one name"
    return table


def entries_text() -> str:
    """IR of the functions that Python calls."""
    module = Module()
    for symbol, function in ENTRIES.items():
        module.texts.append(compile_function(module, function, f"@{symbol}"))
    return module.text()


class NativeCode:
    """The compiled core: the table of handlers and the functions that Python calls."""

    def __init__(self, families: tuple[ModuleType, ...] = COMMON) -> None:
        roots = sorted({function.__module__ for function in ENTRIES.values()})
        entries = native.load(f"{source_key(*roots)}:entries", ENTRIES, entries_text)
        self.run = native.function(entries["cpu_run"], *[ctypes.c_uint64] * 2)
        self.run_block = native.function(entries["cpu_run_block"], *[ctypes.c_uint64] * 3)
        self.run_one = native.function(entries["cpu_run_one"], *[ctypes.c_uint64] * 3)
        self.flush_all = native.function(entries["cpu_flush_all"], None, ctypes.c_uint64)
        self.flush_jumps = native.function(entries["cpu_flush_jumps"], None, ctypes.c_uint64)
        self.flush_page = native.function(entries["cpu_flush_page"], None, *[ctypes.c_uint64] * 2)
        self.flush_local = native.function(entries["cpu_flush_local"], None, *[ctypes.c_uint64] * 3)
        self.enter_context = native.function(
            entries["cpu_enter_context"], None, *[ctypes.c_uint64] * 2
        )
        self.walk = native.function(entries["cpu_walk"], *[ctypes.c_uint64] * 5)
        self.copy_pages = native.function(entries["cpu_copy_pages"], *[ctypes.c_uint64] * 6)
        self.publish = native.function(
            entries["cpu_publish"], ctypes.c_uint64, ctypes.c_char_p, *[ctypes.c_uint64] * 3
        )
        self.table: Any = (ctypes.c_uint64 * len(handler_list()))()
        self._absent = set(FAMILIES)
        for family in families:
            self._load(family)
        asks = self.table[numbers()["load_family"]]
        for family in self._absent:
            members = _members(family)
            self.table[members.start : members.stop] = [asks] * len(members)

    def load_families_of(self, handlers: Iterable[int]) -> None:
        """Load what is not loaded of the families to which some handlers belong, by number."""
        wanted = set(handlers)
        for family in [f for f in self._absent if not wanted.isdisjoint(_members(f))]:
            self._load(family)

    def _load(self, family: ModuleType) -> None:
        members = _members(family)
        self.table[members.start : members.stop] = load_family(family)
        self._absent.remove(family)


@cache
def load() -> NativeCode:
    """The native code of this process."""
    return NativeCode()

"""Addresses are called what the scenario calls them."""

import ctypes
from types import SimpleNamespace

from hw.spec.layout import DIRECT_MAP
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.one_process import PENDING_AT
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.tools.explore.names import Names, field_at, named

BASE = 0x20_0000


def names_of(objects: object) -> Names:
    return Names(SimpleNamespace(objects=objects))  # type: ignore[arg-type]


def test_fields_items_and_cells():
    queue, word = WaitQueue.at(BASE), AtomicU64.at(BASE + 0x100)
    names = names_of(SimpleNamespace(queue=queue, words=[word]))
    waiters = ctypes.addressof(queue) + WaitQueue.offset_of("waiters")
    assert names.name(waiters + 8) == "queue.waiters.prev"
    assert names.name(ctypes.addressof(word)) == "words[0]"


def test_what_the_scenario_does_not_know():
    names = names_of(None)
    assert names.name(PENDING_AT[1]) == "(interrupts of core1)"
    assert names.name(DIRECT_MAP + 0x30) == "(kernel 0x30)"


def test_objects_without_a_name_of_their_own():
    word = AtomicU64.at(BASE)
    assert [name for *_, name, _ in named(word)] == ["s"]
    assert [name for *_, name, _ in named({"a": word})] == ["s['a']"]
    assert field_at(AtomicU64, 0) == ""

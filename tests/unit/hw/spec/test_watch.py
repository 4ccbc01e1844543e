"""Off, layouts are plain; on, each access is told before it is made."""

from hw.atomics import AtomicU64
from hw.spec import watch
from hw.spec.layout import atomic, fixed
from mpkernel.sched.task import Task
from tests.support.watched import watched

CODE = """
from hw.spec import watch
from hw.spec.watch import PLACE, Observer
from hw.atomics import AtomicU32, cas64
from hw import ram
from mpkernel.sched.task import Task
from hw.spec.layout import DIRECT_MAP

files = ram.create(16 << 20)
class Teller(Observer):
    def access(self, address, kind):
        if 0 <= address - DIRECT_MAP < 16 << 20:
            print(address - DIRECT_MAP, kind)
    def changed(self, address): print(address - DIRECT_MAP, "changed")
PLACE.observer = Teller()
task, count = Task.at(1 << 20), AtomicU32.at(64)
task.state = 3
print(task.state == 3)
task.tid = 9
count.add(2), count.value, count.cas(5, 6), count.cas(2, 6)
words = ram.words(128, 2)
words[1] = 5
print(words[1], len(words), cas64(128, 0, 1))
print(Task.offset_of("state"))
"""


def test_off_fields_are_those_of_ctypes():
    assert not watch.WATCHING
    assert not isinstance(vars(Task)["state"], property)
    assert not hasattr(AtomicU64.add, "__closure__") or AtomicU64.add.__closure__ is None
    assert AtomicU64.DISCIPLINE["value"] is atomic
    assert Task.DISCIPLINE["tid"] is fixed


def test_on_each_access_is_told():
    state = Task.offset_of("state")
    at = (1 << 20) + state
    half = watch.sized(0, 4)
    told = [
        f"{at} {half | watch.ATOMIC | watch.WRITE}",
        f"{at} {half | watch.ATOMIC}",
        "True",
        f"{(1 << 20) + Task.offset_of('tid')} {half | watch.PRIVATE | watch.WRITE}",
        f"64 {half | watch.ATOMIC | watch.WRITE | watch.UPDATE}",
        f"64 {half | watch.ATOMIC}",
        f"64 {half | watch.ATOMIC | watch.COMPARE}",
        f"64 {half | watch.ATOMIC | watch.COMPARE}",
        "64 changed",
        f"136 {watch.ATOMIC | watch.WRITE}",
        f"136 {watch.ATOMIC}",
        f"128 {watch.ATOMIC | watch.COMPARE}",
        "128 changed",
        "5 2 0",
        f"{state}",
    ]
    assert watched(CODE).splitlines() == told


def test_shared_leaves_private_fields_alone():
    lines = watched(CODE, mode="shared").splitlines()
    private = watch.sized(watch.PRIVATE | watch.WRITE, 4)
    assert not any(line.endswith(f" {private}") for line in lines)
    assert len(lines) == 14


RANGES = """
import ctypes
from typing import Annotated, Any
from hw import ram
from hw.spec.layout import DIRECT_MAP, Layout, fixed, layout
from hw.spec.watch import BULK, PLACE, READ, Observer, pieces

files = ram.create(16 << 20)
class Teller(Observer):
    def looks(self): return True
    def access(self, address, kind):
        if 0 <= address - DIRECT_MAP < 16 << 20:
            told.append((address - DIRECT_MAP, kind & 1 | kind & BULK, kind >> 8 or 8))
PLACE.observer = Teller()
def tell(what):
    global told
    told = []
    result = what()
    print(result, *told)

@layout()
class Row(Layout):
    names: Annotated[Any, ctypes.c_uint16 * 4]
    place: Annotated[Any, ctypes.c_uint64 * 2, fixed]
row = Row.at(1024)
told = []
row.names[3], row.place[1] = 7, 8
print(*told)
tell(lambda: (row.names[3], row.names[1:3], list(row.names), row.place[-1], row.offset_of("place")))
tell(lambda: ram.write(12, b"abcdefghijkl"))
tell(lambda: ram.read(12, 12))
tell(lambda: ram.copy(64, 16, 8))
tell(lambda: ram.read(64, 8))
tell(lambda: ram.zero(17, 2))
tell(lambda: ram.read(16, 4))
PLACE.observer = Observer()
print(list(pieces(DIRECT_MAP + 1, 4096, READ)) == [(DIRECT_MAP + 1, 4096)])
"""


def test_ranges_are_told_word_by_word_and_arrays_by_element():
    halves = "(1030, 0, 2) (1026, 0, 2) (1028, 0, 2) " + " ".join(
        f"({1024 + 2 * index}, 0, 2)" for index in range(4)
    )
    assert watched(RANGES).splitlines() == [
        "(1030, 1, 2) (1040, 1, 8)",
        f"(7, [0, 0], [0, 0, 0, 7], 8, 8) {halves} (1040, 0, 8)",
        "None (12, 65, 4) (16, 65, 8)",
        "b'abcdefghijkl' (12, 64, 4) (16, 64, 8)",
        "None (16, 0, 8) (64, 1, 8)",
        "b'efghijkl' (64, 0, 8)",
        "None (17, 65, 2)",
        "b'e\\x00\\x00h' (16, 0, 4)",
        "True",
    ]

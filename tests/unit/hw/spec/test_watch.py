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
    told = [
        f"{at} {watch.ATOMIC | watch.WRITE}",
        f"{at} {watch.ATOMIC}",
        "True",
        f"{(1 << 20) + Task.offset_of('tid')} {watch.PRIVATE | watch.WRITE}",
        f"64 {watch.ATOMIC | watch.WRITE | watch.UPDATE}",
        f"64 {watch.ATOMIC}",
        f"64 {watch.ATOMIC | watch.COMPARE}",
        f"64 {watch.ATOMIC | watch.COMPARE}",
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
    assert not any(line.endswith(f" {watch.PRIVATE | watch.WRITE}") for line in lines)
    assert len(lines) == 14

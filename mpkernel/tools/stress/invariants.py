"""What holds at every moment of a running machine, looked at from outside; and at its end.

State: private to the launcher; reads RAM. Context: the launcher.
"""

from collections.abc import Iterator

from mpkernel.arch import memory, topology
from mpkernel.arch.cpu import AREAS
from mpkernel.mm.zone import ZONE
from mpkernel.sched.task import Task
from mpkernel.sched.waits_graph import is_in_ram


def violations() -> Iterator[str]:
    """What does not hold now."""
    yield from _tasks_on_two_cpus()
    yield from _runs_without_claim()


def _running(index: int) -> int:
    """The task that a CPU runs, 0 for none."""
    task: int = AREAS[index].current
    return task if is_in_ram(task, Task.SIZE) else 0


def _tasks_on_two_cpus() -> Iterator[str]:
    """One task, two CPUs: both still say so, and the task was not switched meanwhile."""
    seen: dict[int, int] = {}
    for index in range(topology.cpu_count()):
        task = _running(index)
        if task and task in seen:
            other = seen[task]
            switches = Task.at(task).switches
            both = all(_running(cpu) == task for cpu in (other, index, other))
            if both and Task.at(task).switches == switches:
                yield f"task {Task.at(task).tid} runs on CPU {other} and on CPU {index}"
        seen[task] = index


def _runs_without_claim() -> Iterator[str]:
    """A CPU runs a task that has not claimed it."""
    for index in range(topology.cpu_count()):
        task = _running(index)
        if not task:
            continue
        switches, claimed = Task.at(task).switches, Task.at(task).on_cpu
        if not claimed and _running(index) == task and Task.at(task).switches == switches:
            yield f"CPU {index} runs task {Task.at(task).tid}, which is on no CPU"


def frames_unaccounted() -> int:
    """Bits of the bitmap of free frames that differ from the count kept. When nothing runs."""
    bits = int.from_bytes(memory.read(ZONE.bitmap, ZONE.words * 8), "little").bit_count()
    free: int = ZONE.free
    return abs(bits - free)

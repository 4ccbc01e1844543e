"""Local lock: a name for the section in which a CPU has its own data to itself.

    COUNTS: Final = PerCpu(Counts)          # a layout with a LocalLock named lock
    with COUNTS.of(cpu().index).lock: ...

Nobody waits for it: it turns preemption off (``irqsave``: interrupts, too), which is all that a
CPU's own data need. But unlike that it says what it guards, the validator sees it, and an access
from another CPU, or from a handler that interrupts the section, panics.

State: RAM. Locks: order by mpkernel.sync.ranks. Context: any; from handlers only if everybody uses
irqsave.
"""

from types import TracebackType
from typing import Annotated, Self

from hw.spec.layout import Layout, fixed, layout, statistic, this_cpu, u32, u64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.timer import host_tsc
from mpkernel.panic import panic
from mpkernel.sync import ranks
from mpkernel.sync.guard import Guard, check_exit
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import LockClass


@layout(size=16)
class LocalLock(Layout):
    """The section of one CPU."""

    key: Annotated[u32, fixed]
    owner: Annotated[u32, this_cpu]  #: 0 free, 1 + CPU index
    since: Annotated[u64, statistic]  #: host TSC when the section began

    def init(self, lock_class: LockClass, subclass: int = 0) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        self.key = lock_class.id + modes.nested(subclass)
        self.owner = 0
        watch = cpu().lockdep
        if watch is not None:
            watch.init(self.phys, self.key)

    def acquire(self) -> None:
        """Begin the section."""
        this = cpu()
        if not self.key:
            panic("a lock is used before init")
        if this.lockdep is not None:
            this.lockdep.acquire(self.phys, self.key, modes.LOCAL)
        this.area.preempt_count += 1
        if self.owner:
            panic(f"local lock {self.name}: CPU {this.index} meets CPU {self.owner - 1} in it")
        self.owner = this.number
        self.since = host_tsc()

    def release(self) -> None:
        """End the section."""
        this = cpu()
        if this.lockdep is not None:
            this.lockdep.release(self.phys)
        self.assert_held()
        this.count_hold(self.key & ranks.CLASS_MASK, host_tsc() - self.since)
        self.owner = 0
        this.area.preempt_count -= 1

    def irqsave(self) -> Guard:
        """Context manager: the section, with interrupts off."""
        return Guard(self.name, self.acquire, self.release, irqsave=True)

    def is_held(self) -> bool:
        """Whether this CPU is in the section."""
        held: bool = self.owner == cpu().number
        return held

    def assert_held(self) -> None:
        """Panic unless this CPU is in the section."""
        if not self.is_held():
            panic(f"CPU {cpu().index} is not in the section of its {self.name} lock")

    @property
    def name(self) -> str:
        """Name of the lock's class."""
        return ranks.name_of(self.key)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        check_exit(self.name, kind, error)
        self.release()

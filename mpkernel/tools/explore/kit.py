"""``k`` of a scenario: makes the kernel's real locks and words, and does what a core can do.

State: private; what it makes is bytes in RAM. Context: mpkernel.tools.explore.
"""

from typing import TYPE_CHECKING, Final, TypeVar

from hw.spec.layout import Layout, layout, u64
from mpkernel.arch import interrupts
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.one_process import Machine
from mpkernel.arch.spin_loop import relax
from mpkernel.arch.vectors import DEVICE_LAST
from mpkernel.sched.completion import Completion
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.rt_mutex import RtMutex
from mpkernel.sched.rwsem import Rwsem
from mpkernel.sched.semaphore import Semaphore
from mpkernel.sched.task import TASK_BLOCKED, current
from mpkernel.sched.wait_queue import WaitQueue, give_up_cpu
from mpkernel.sched.ww_context import WwClass, WwContext
from mpkernel.sched.ww_mutex import WwMutex
from mpkernel.sync import ranks
from mpkernel.sync.local_lock import LocalLock
from mpkernel.sync.once import OnceCell
from mpkernel.sync.preempt import might_sleep
from mpkernel.sync.ranks import LockClass
from mpkernel.sync.raw_spinlock import RawSpinlock
from mpkernel.sync.refcount import Refcount
from mpkernel.sync.rwlock import Rwlock
from mpkernel.sync.seqlock import Seqlock
from mpkernel.sync.spinlock import Spinlock
from mpkernel.tools.explore.rcu_domain import RcuDomain

if TYPE_CHECKING:
    from mpkernel.tools.explore.scenario import Scenario

T = TypeVar("T", bound=Layout)
Lock = TypeVar("Lock", Spinlock, RawSpinlock, LocalLock, Rwlock, Seqlock, Mutex, RtMutex, Rwsem)

#: The vector of ``k.ipi``, and of interrupts from outside.
VECTOR_IPI: Final = DEVICE_LAST
VECTOR_IRQ: Final = DEVICE_LAST - 1


@layout(size=8)
class Cell(Layout):
    """A word of shared memory without any discipline: what a lock should guard."""

    value: u64


@layout()
class ScenarioQueue(WaitQueue):
    """The kernel's wait queue, with a sleep that tests no condition."""

    async def sleep(self) -> None:
        """Sleep until somebody wakes the queue. A wake that came before is lost."""
        might_sleep()
        task = current()
        waiter = task.waiter
        waiter.task = task.phys
        with self.lock.irqsave():
            waiter.is_woken = 0
            self.waiters.append(waiter.node)
            task.state = TASK_BLOCKED
        await give_up_cpu()
        self._finish(task, waiter)


class Kit:
    """One run's objects."""

    def __init__(self, machine: Machine, scenario: "Scenario") -> None:
        self._machine = machine
        self._scenario = scenario
        self.rcu_domain: RcuDomain | None = None  #: once the scenario has asked for it

    # Objects

    def spinlock(self, name: str = "spinlock", subclass: int = 0) -> Spinlock:
        """A free spinlock of the class ``name``."""
        return self._lock(Spinlock, name, subclass)

    def raw_spinlock(self, name: str = "raw spinlock", subclass: int = 0) -> RawSpinlock:
        """A free raw spinlock of the class ``name``."""
        return self._lock(RawSpinlock, name, subclass)

    def local_lock(self, name: str = "local lock", subclass: int = 0) -> LocalLock:
        """The name of a section of one core, of the class ``name``."""
        return self._lock(LocalLock, name, subclass)

    def rwlock(self, name: str = "rwlock", subclass: int = 0) -> Rwlock:
        """A free read-write lock of the class ``name``."""
        return self._lock(Rwlock, name, subclass)

    def seqlock(self, name: str = "seqlock", subclass: int = 0) -> Seqlock:
        """A free sequence lock of the class ``name``."""
        return self._lock(Seqlock, name, subclass)

    def mutex(self, name: str = "mutex", subclass: int = 0) -> Mutex:
        """A free mutex of the class ``name``."""
        return self._lock(Mutex, name, subclass)

    def rt_mutex(self, name: str = "rt_mutex", subclass: int = 0) -> RtMutex:
        """A free mutex with priority inheritance, of the class ``name``."""
        return self._lock(RtMutex, name, subclass)

    def rwsem(self, name: str = "rwsem", subclass: int = 0) -> Rwsem:
        """A free sleeping read-write lock of the class ``name``."""
        return self._lock(Rwsem, name, subclass)

    def ww_class(self, name: str = "ww_mutex", *, is_wait_die: bool = True) -> WwClass:
        """A class of wound/wait mutexes, which contexts may take in any order."""
        return WwClass(ranks.unranked(name), ranks.unranked(f"{name} context"), is_wait_die)

    def ww_mutex(self, ww_class: WwClass) -> WwMutex:
        """A free wound/wait mutex."""
        made = self.place(WwMutex)
        made.init(ww_class)
        return made

    def ww_context(self) -> WwContext:
        """Room for a context: the task that uses it begins with ``context.init(ww_class)``."""
        return self.place(WwContext)

    def rcu(self) -> RcuDomain:
        """The kernel's RCU: read, follow, publish, call, wait, quiescent."""
        if self.rcu_domain is None:
            self.rcu_domain = RcuDomain(self.place)
        return self.rcu_domain

    def once(self) -> OnceCell:
        """An empty once cell."""
        return self.place(OnceCell)

    def refcount(self, references: int = 1) -> Refcount:
        """A count of references."""
        made = self.place(Refcount)
        made.value = references
        return made

    # What is waited for: a name gives it a class of its own, so that the validator follows from who
    # waits to who wakes.

    def semaphore(self, name: str | int = "", permits: int = 1) -> Semaphore:
        """A semaphore with so many permits; a number alone is the permits."""
        name, permits = ("", name) if isinstance(name, int) else (name, permits)
        made = self.place(Semaphore)
        made.init(permits, _event_class(name))
        return made

    def completion(self, name: str = "") -> Completion:
        """A completion of something that has not happened."""
        made = self.place(Completion)
        made.init(_event_class(name))
        return made

    def wait_queue(self, name: str = "") -> ScenarioQueue:
        """A wait queue in which nobody waits."""
        made = self.place(ScenarioQueue)
        made.init(_event_class(name))
        return made

    def word(self, value: int = 0) -> AtomicU64:
        """An atomic word: load, store, add, cas, ..."""
        made = self.place(AtomicU64)
        made.value = value
        return made

    def cell(self, value: int = 0) -> Cell:
        """A plain word, ``cell.value``: for data that a lock guards."""
        made = self.place(Cell)
        made.value = value
        return made

    def place(self, kind: type[T]) -> T:
        """Zeroed bytes of any layout."""
        return kind.at(self._machine.reserve(kind.SIZE))

    # What a core can do

    def relax(self) -> None:
        """One turn of a spin loop: interrupts come in, and others go on."""
        relax(0)

    def safepoint(self) -> None:
        """Interrupts come in here, if they are enabled."""
        interrupts.safepoint()

    def irqs_off(self) -> None:
        """Interrupts wait from here on."""
        interrupts.disable()

    def irqs_on(self) -> None:
        """Interrupts are taken from here on."""
        interrupts.enable()

    def ipi(self, core: int) -> None:
        """Interrupt a core: it runs ``ipi<core>`` of the scenario, ``irq<core>``, or nothing."""
        assert 0 <= core < len(self._machine.cpus), f"there is no core {core}"
        if core in self._scenario.handlers:
            self._machine.interrupts[core].post(VECTOR_IPI)

    @property
    def core(self) -> int:
        """The core that runs this."""
        return cpu().index

    # Inside

    def _lock(self, kind: type[Lock], name: str, subclass: int) -> Lock:
        made = self.place(kind)
        made.init(ranks.unranked(name), subclass)
        return made


def _event_class(name: str) -> LockClass:
    """Class of what is waited for: its own if it has a name."""
    return ranks.unranked(name) if name else ranks.WAIT_QUEUE

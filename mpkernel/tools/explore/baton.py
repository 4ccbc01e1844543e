"""The baton: all cores of a scenario are greenlets of one process, and one of them runs.

Before a core touches memory that cores share, it stops at a *switch point*: the strategy chooses
which core makes the next step, and that core makes its access and runs on to its next point. So a
schedule is a list of core numbers, one a step, and a run is a function of its schedule alone.

    running -- relax, halt: nothing to do until another core writes what was read --> blocked
       ^                                                                                 |
       `---------------------------- another core's write ------------------------------'

A turn of a spin loop blocks the core until another core has written a word that it has read since
its last turn; a halted core waits for its pending word. So nobody spins in vain, and "nobody can
run" is a deadlock.

State: private to a process that is no core of a machine. Context: mpkernel.tools.explore.
"""

from collections.abc import Callable
from typing import Final

from greenlet import GreenletExit, getcurrent, greenlet

from hw.spec.watch import AWAIT, PRIVATE, WRITE, Observer
from mpkernel.arch.cpu import Cpu, use_cpu
from mpkernel.arch.one_process import PENDING, PENDING_AT, SHARED, word_at
from mpkernel.arch.spin_code import OWNER
from mpkernel.arch.timer import NEVER
from mpkernel.tools.explore.finding import Failure
from mpkernel.tools.explore.strategies.strategy import Strategy

#: Virtual time of one step.
STEP_NS: Final = 1_000
#: Of an address: two accesses to one word may touch the same bytes.
_WORD: Final = -8
(_RAM_FROM, _RAM_TO), (_BITS_FROM, _BITS_TO) = SHARED


class Redundant(Exception):  # noqa: N818  no error: the schedule shows nothing new
    """Raised by a strategy: what would follow has been seen in another order."""


class Strand:
    """One that can be chosen: a core, or an interrupt from outside that has yet to come."""

    __slots__ = (
        "address", "body", "cpu", "index", "is_blocked", "is_done", "is_ended", "is_stale", "kind",
        "looked_after", "name", "reads", "spins", "waker",
    )  # fmt: skip

    def __init__(self, index: int, name: str, cpu: Cpu) -> None:
        self.index = index
        self.name = name
        self.cpu = cpu
        self.body: greenlet | None = None
        self.address = 0  #: of the word it is about to touch, 0 if it touches none
        self.kind = 0
        self.reads: set[int] = set()  #: what it has read since its last turn of a spin loop
        self.is_stale = False  #: another one has written what it has read
        self.is_blocked = False
        self.spins = False  #: it is blocked in a turn of a spin loop
        self.looked_after = -1  #: writes made when it looked for the last time
        self.is_done = False  #: its program has ended; a core still takes interrupts
        self.is_ended = False
        self.waker = -1  #: step that ended its last wait


#: Called with a strand, a host address and the kind of access (hw.spec.watch).
Looker = Callable[[Strand, int, int], None]


class Baton(Observer):
    """Runs strands, one step at a time."""

    def __init__(self, strategy: Strategy, most_steps: int) -> None:
        self.strategy = strategy
        self.most_steps = most_steps
        self.strands: list[Strand] = []
        self.enabled: list[Strand] = []  #: in order of their indices
        self.trace: list[int] = []  #: who made each step
        self.running: Strand | None = None
        self.failure: Failure | None = None
        self.is_redundant = False
        self.ending = False
        self.late_ns = 0  #: virtual time that passed while nobody ran
        self.rcu_functions: list[Callable[[], None]] = []  #: given to call (rcu_domain)
        self.lookers: list[Looker] = []  #: told of each access, right before it is made
        self._hub = getcurrent()
        self._starting = False
        self._writes = 0

    # -- what strands call, through the twins of hw.spec.watch --------------------------------

    def access(self, address: int, kind: int) -> None:
        """A switch point: returns when it is this strand's turn to make its access."""
        strand = self.running
        if strand is None or not (
            _RAM_FROM <= address < _RAM_TO or _BITS_FROM <= address < _BITS_TO
        ):
            return
        if not kind & PRIVATE:
            word = address & _WORD
            strand.address = word
            strand.kind = kind
            if kind & AWAIT and self.strategy.waits_for_locks and self._is_held_back(strand):
                self._hold_back(strand)
                self._hub.switch()
            else:
                self._pass_on(strand)
            if kind & WRITE:
                self._wrote(strand, word)
            else:
                strand.reads.add(word)
        for look in self.lookers:
            look(strand, address, kind)

    def changed(self, address: int) -> None:
        """The compare-and-set that the strand has just made did write."""
        strand = self.running
        if strand is not None:
            word = address & _WORD
            self._wrote(strand, word)
            if self.strategy.waits_for_locks:
                self._look_at_lock(strand, word)

    def looks(self) -> bool:
        """Whether a strand is running."""
        return self.running is not None

    def relax(self) -> None:
        """The strand waits until another one has written what it has read."""
        strand = self.running
        if strand is None:
            if self.ending:
                raise GreenletExit
            return
        if not strand.is_stale:
            strand.spins = True
            self._block(strand)
            strand.spins = False
        strand.is_stale = False
        strand.reads.clear()

    def halt(self, core: int, deadline_tsc: int = NEVER) -> None:  # noqa: ARG002
        """The strand waits until something is pending for its core."""
        strand = self.running
        if strand is None:
            raise GreenletExit
        strand.is_stale = False
        strand.reads = {PENDING_AT[core]}
        self.running = None  # a look of the hardware's, no step
        is_pending = PENDING[core].bits.value
        self.running = strand
        if not is_pending:
            self._block(strand)
        strand.is_stale = False
        strand.reads.clear()

    def now_ns(self) -> int:
        """Virtual time: the steps made, and what nobody could do but wait for."""
        return self.late_ns + STEP_NS * len(self.trace)

    # -- what the runner calls -----------------------------------------------------------------

    def add(self, name: str, cpu: Cpu, program: Callable[[Strand], None]) -> Strand:
        """Make a strand that runs ``program``, and bring it to its first switch point."""
        strand = Strand(len(self.strands), name, cpu)
        self.strands.append(strand)
        self.enabled.append(strand)
        strand.body = greenlet(lambda: self._run(strand, program))
        self._starting = True
        self._resume(strand)
        self._starting = False
        self.running = None
        return strand

    def run(self) -> None:
        """Let strands make steps until none can, or one fails."""
        while self.failure is None and (self.enabled or self._may_look_again()):
            try:
                chosen = self.strategy.choose(self, None)
            except Redundant:
                self.is_redundant = True
                break
            self.trace.append(chosen.index)
            self._resume(chosen)
        self.running = None

    def pend(self, core: int) -> None:
        """Something from outside is pending for a core."""
        for strand in self.strands:
            if strand.is_blocked and PENDING_AT[core] in strand.reads:
                self._unblock(strand)

    def fail(self, failure: Failure) -> None:
        """End this run; does not return to a strand."""
        if self.failure is None:
            self.failure = failure
        if getcurrent() is not self._hub:
            self._hub.switch()

    def close(self) -> None:
        """End all strands, wherever they stand; nothing they do on the way counts."""
        self.running = None
        self.ending = True
        for strand in self.strands:
            if strand.body is not None and not strand.is_ended:
                use_cpu(strand.cpu)
                strand.body.throw(GreenletExit)

    # -- inside ----------------------------------------------------------------------------------

    def _run(self, strand: Strand, program: Callable[[Strand], None]) -> None:
        """The body of a strand."""
        try:
            program(strand)
        except GreenletExit:
            pass
        except BaseException as error:  # noqa: BLE001  whatever ends a core is a finding
            if not self.ending and self.failure is None:
                self.failure = Failure.of_exception(strand.name, error)
        strand.is_ended = strand.is_done = True
        if strand in self.enabled:
            self.enabled.remove(strand)
        if not self.ending:
            self._let_look()

    def _resume(self, strand: Strand) -> None:
        """From the hub: run a strand until the hub is needed again."""
        self.running = strand
        use_cpu(strand.cpu)
        body = strand.body
        assert body is not None
        body.switch()

    def _pass_on(self, strand: Strand) -> None:
        """Let the strategy choose; come back when ``strand`` is chosen."""
        if self._starting:
            self._hub.switch()
            return
        if len(self.trace) >= self.most_steps:
            self.fail(Failure.livelock(self.most_steps))
        try:
            chosen = self.strategy.choose(self, strand)
        except Redundant:
            self.is_redundant = True
            self._leave_for_good()
        self.trace.append(chosen.index)
        if chosen is not strand:
            self.running = chosen
            use_cpu(chosen.cpu)
            body = chosen.body
            assert body is not None
            body.switch()

    def _leave_for_good(self) -> None:
        self.enabled.clear()
        self._hub.switch()

    def _block(self, strand: Strand) -> None:
        """The strand cannot run until ``_wrote`` says so; the hub chooses who can."""
        strand.is_blocked = True
        strand.address = strand.kind = 0
        self.enabled.remove(strand)
        self._hub.switch()

    def _is_held_back(self, strand: Strand) -> bool:
        """Whether a strand wants a lock that is taken, and no interrupt comes in meanwhile."""
        running, self.running = self.running, None
        core = strand.cpu.index
        comes = PENDING[core].bits.value and not strand.cpu.area.irqs_off
        is_taken = word_at(strand.address) & OWNER
        self.running = running
        return bool(is_taken) and not comes

    def _hold_back(self, strand: Strand) -> None:
        strand.is_blocked = True
        self.enabled.remove(strand)

    def _look_at_lock(self, who: Strand, address: int) -> None:
        """A word has changed: if it is a lock's, those who want the lock can run now, or not."""
        for other in self.strands:
            if other is not who and other.address == address and other.kind & AWAIT:
                held_back = self._is_held_back(other)
                if held_back and not other.is_blocked:
                    self._hold_back(other)
                elif other.is_blocked and not held_back:
                    self._unblock(other)

    def _may_look_again(self) -> bool:
        """Nobody can run: let those who spin look once more at all that they wait for.

        A turn may follow other reads than those that decide whether there is a next one.
        """
        able = [one for one in self.strands if one.spins and one.looked_after != self._writes]
        for strand in able:
            strand.looked_after = self._writes
            self._unblock(strand)
        return bool(able)

    def _wrote(self, writer: Strand, address: int) -> None:
        """Whoever has read the word must look again."""
        self._writes += 1
        for other in self.strands:
            if other is writer:
                continue
            reads_it = address in other.reads
            other.is_stale |= reads_it
            if other.is_blocked:
                if other.kind & AWAIT:  # waits for a lock: an interrupt may come in meanwhile
                    reads_it = address == PENDING_AT[other.cpu.index]
                if reads_it:
                    self._unblock(other)

    def _unblock(self, strand: Strand) -> None:
        strand.is_blocked = False
        strand.waker = len(self.trace) - 1
        enabled = self.enabled
        at = len(enabled)
        while at and enabled[at - 1].index > strand.index:
            at -= 1
        enabled.insert(at, strand)

    def _let_look(self) -> None:
        """A strand has ended: who spins on what cannot be watched (Python objects) looks again."""
        for other in self.strands:
            if other.is_blocked and not other.reads:
                self._unblock(other)

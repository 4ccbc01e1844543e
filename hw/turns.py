"""Turns: all processes of a machine as greenlets of one, in an order drawn from a seed.

    core 0   core 1   devices        one of them runs; at a safepoint, a turn of a spin loop, a halt
       ^        ^        ^           and after each chunk of user code another one may be drawn
       `--------+--------'

Time is virtual: an instruction is a nanosecond, a safepoint some more, and when nobody can run it
leaps to the next deadline. So all that happens is a function of the seed and the input.

State: private; the machine's TSC (hw.cpu.state). Context: a process of its own, MPK_WATCH=turns.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from greenlet import getcurrent, greenlet

from hw import clock, host
from hw.bus import board_registers
from hw.cpu.state import CORES, TSC
from hw.ram import PENDING, PENDING_CODE_WRITTEN
from hw.spec.watch import Observer

#: Virtual time of a safepoint, and of a turn of a spin loop.
SAFEPOINT_NS: Final = 200
RELAX_NS: Final = 1_000
#: Safepoints after which, on average, another one is drawn.
TURN_SAFEPOINTS: Final = 16
_ENDED_EARLY: Final = 71
_DEADLOCK: Final = 72
_TIMEOUT: Final = 124


@dataclass
class Party:
    """One that takes turns."""

    name: str
    number: int
    body: greenlet
    is_due: Callable[[], bool] | None = None  #: what it waits for, None: it can run
    left_ns: Callable[[], int | None] = lambda: None  #: for how long at most
    context: Any = None  #: what its process would have for itself


@dataclass
class Turns(Observer):
    """The machine's schedule."""

    seed: int
    #: What a process of the machine has for itself: taken when it stops, put back when it goes on.
    take_context: Callable[[], Any]
    put_context: Callable[[Any], None]
    #: Told of each access: number of the party, host address, kind. Under MPK_WATCH=all.
    looker: Callable[[int, int, int], None] | None = None
    parties: list[Party] = field(default_factory=list)
    turns: int = 0

    def __post_init__(self) -> None:
        draw = random.Random(self.seed)
        self._bytes = random.Random(draw.random())
        self._draw = draw.random
        self._now = 1
        self._counted = [0] * len(CORES)
        self._running: Party | None = None
        self._hub = getcurrent()
        TSC.virtual = self._now

    def add(self, name: str, main: Callable[[], int]) -> None:
        """A party that runs ``main``; should it end, the machine ends."""
        number = len(self.parties)
        self.parties.append(Party(name, number, greenlet(main), context=self.take_context()))

    def run(self, seconds: float | None) -> int:
        """Let them take turns until the machine ends; return its status."""
        began = time.monotonic()
        while True:
            status = self._status()
            if status is not None:
                return status
            party = self._next()
            if party is None:
                host.report("mpkernel: nobody can run any more: a deadlock")
                return _DEADLOCK
            if seconds is not None and time.monotonic() - began > seconds:
                host.report(f"mpkernel: the machine did not end within {seconds:g} s")
                return _TIMEOUT
            self.turns += 1
            self._running, party.is_due = party, None
            self.put_context(party.context)
            party.body.switch()
            party.context = self.take_context()
            if party.body.dead:
                host.report(f"mpkernel: {party.name} has ended; the machine stops")
                return _ENDED_EARLY

    def instructions(self) -> list[int]:
        """User instructions that each core has run."""
        return self._counted

    # -- what the parties call ---------------------------------------------------------------------

    def access(self, address: int, kind: int) -> None:
        """Tell who looks; nobody's turn ends here."""
        if self.looker is not None and self._running is not None:
            self.looker(self._running.number, address, kind)

    def looks(self) -> bool:
        """Whether anybody is told."""
        return self.looker is not None and self._running is not None

    def now_ns(self) -> int:
        """Virtual time."""
        return self._now

    def random_bytes(self, size: int) -> bytes:
        """Entropy of the seed."""
        return self._bytes.randbytes(size)

    def safepoint(self) -> None:
        """Now and then, somebody else's turn."""
        if self._running is not None:
            self._pass(SAFEPOINT_NS)
            if self._draw() * TURN_SAFEPOINTS < 1:
                self._hub.switch()

    def relax(self) -> None:
        """Somebody else's turn, if anybody else can run."""
        self._pass(RELAX_NS)
        self._hub.switch()

    def ran(self, core: int, instructions: int) -> None:
        """Time for the instructions; somebody else's turn."""
        self._pass(instructions - self._counted[core])
        self._counted[core] = instructions
        self._hub.switch()

    def halt(self, core: int, deadline_tsc: int) -> None:
        """Wait for a bit in the pending word, or the deadline."""
        bits = PENDING[core].bits
        due = clock.NEVER if deadline_tsc == clock.NEVER else clock.ns_of(deadline_tsc)
        self.wait(
            lambda: bool(bits.value & ~PENDING_CODE_WRITTEN),
            lambda: None if due == clock.NEVER else max(due - self._now, 0),
        )

    def wait(self, is_due: Callable[[], bool], left_ns: Callable[[], int | None]) -> None:
        """Wait until something is due or the time is over."""
        party = self._running
        assert party is not None
        party.is_due, party.left_ns = is_due, left_ns
        self._hub.switch()

    # -- inside ------------------------------------------------------------------------------------

    def _pass(self, nanoseconds: int) -> None:
        self._now += nanoseconds
        TSC.virtual = self._now

    def _next(self) -> Party | None:
        """Draw one that can run; if none can, let time leap. None if that helps nobody."""
        able = [party for party in self.parties if party.is_due is None or _is_due(party)]
        if not able:
            left = [(wait, n) for n, one in enumerate(self.parties) if (wait := one.left_ns())]
            if not left:
                return None
            wait, number = min(left)
            self._pass(wait)
            able = [self.parties[number]]
        return able[int(self._draw() * len(able))]

    def _status(self) -> int | None:
        """The machine's status, once it has ended and its output is written."""
        status = board_registers.power_off_status()
        return status if board_registers.STATE.drained.value else None


def _is_due(party: Party) -> bool:
    assert party.is_due is not None
    return party.is_due() or party.left_ns() == 0

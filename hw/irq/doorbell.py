"""Sleep and waking: a halted core waits in ppoll on its message queue, for nothing else.

    sender                                 sleeper
    set the bit (atomic, full fence)       mode = HALTED (full fence)
    mode HALTED? one sender makes it       bits set? do not sleep
    RUNG and sends one byte                ppoll(queue, launcher, deadline); mode = KERNEL

Either the sender sees HALTED or the sleeper sees the bit. A message carries nothing: what it is
about stands in shared memory, and a running core is never rung (a send to a queue that nobody
empties costs 24 us). At most one byte is sent a sleep, so that queues never fill.

State: board memory (PARTIES, and one poll set a party). Locks: none. Context: any.
"""

import ctypes
import os
from typing import Final

from hw import clock, host, ram
from hw.host import PollFd, TimeSpec
from hw.irq import doorbell_code
from hw.irq.party import HEADER, MODE_HALTED, MODE_RUNG, PARTIES
from hw.spec.layout import Layout, layout
from hw.spec.memory_map import MAX_CPUS
from hw.spec.watch import PLACE, TAKING_TURNS


@layout(size=32)
class SleepRecord(Layout):
    """What a party hands to ppoll."""

    queue: PollFd
    launcher: PollFd
    timeout: TimeSpec


_SLEEP: Final = ram.BOARD.place_array(SleepRecord, MAX_CPUS)
_SLEEP_AT: Final = tuple(ctypes.addressof(record) for record in _SLEEP)
_MODES: Final = tuple(record.mode for record in PARTIES)
#: Host addresses of the mode words of all parties, and of the pending words of all cores.
MODE_AT: Final = tuple(ctypes.addressof(mode) for mode in _MODES)
PENDING_AT: Final = tuple(ctypes.addressof(word) for word in ram.PENDING)
_TIMEOUT_OFFSET: Final = SleepRecord.offset_of("timeout")


def ring(party: int) -> None:
    """Wake a party if it sleeps. The caller has set, by an atomic, what the party is to see."""
    mode = _MODES[party]
    if mode.value == MODE_HALTED and mode.cas(MODE_HALTED, MODE_RUNG) == MODE_HALTED:
        host.queue_send(PARTIES[party].doorbell_fd)


def post(core: int, word_at: int, bits: int, why: int) -> None:
    """Set bits of the word at a host address, tell a core why to look up, wake it if it sleeps."""
    fd = PARTIES[core].doorbell_fd
    doorbell_code.post(word_at, bits, PENDING_AT[core], why, MODE_AT[core], fd)


def halt(core: int, deadline_tsc: int = clock.NEVER) -> None:
    """Sleep until something is pending for this core or the TSC reaches ``deadline_tsc``.

    May return early; the caller looks again. Ends this process when the launcher has ended.
    """
    if TAKING_TURNS:
        PLACE.observer.halt(core, deadline_tsc)
        return
    timeout_at = 0
    if deadline_tsc != clock.NEVER:
        timeout = _SLEEP[core].timeout
        left_ns = max(clock.ns_of(deadline_tsc - clock.tsc()), 0)
        timeout.seconds, timeout.nanoseconds = divmod(left_ns, clock.NS_PER_SECOND)
        timeout_at = _SLEEP_AT[core] + _TIMEOUT_OFFSET
    fd = PARTIES[core].doorbell_fd
    ready = doorbell_code.sleep(MODE_AT[core], PENDING_AT[core], _SLEEP_AT[core], timeout_at, fd)
    if ready and _SLEEP[core].launcher.revents:
        os._exit(71)


def prepare(core: int) -> None:
    """Fill in what ``halt`` polls; called once a core, before the fork."""
    sleep = _SLEEP[core]
    sleep.queue.fd = PARTIES[core].doorbell_fd
    sleep.queue.events = host.POLLIN
    sleep.launcher.fd = HEADER.launcher_pidfd
    sleep.launcher.events = host.POLLIN

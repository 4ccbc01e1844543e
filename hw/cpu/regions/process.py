"""The process that compiles regions: sleeps until a core asks, compiles, publishes.

It is no core and stops nobody: a core goes on in threaded code until it finds the region where the
block was. It runs at low priority, so it takes what the cores leave.

State: private LLVM objects; what it makes is in board memory. Locks: none held while it sleeps.
Context: one process, one thread, forked by the launcher.
"""

import gc
import os
from typing import Final

from hw import host
from hw.cpu.regions.compiler import Compiler
from hw.cpu.regions.record import REGIONS
from hw.host import PollSet
from hw.irq.party import COMPILER_PARTY, HEADER, MODE_HALTED, MODE_KERNEL, MODE_RUNG, PARTIES

_NICENESS: Final = 5
_STATUS_LOST: Final = 71


def run() -> int:
    """Compile what is asked for, until the machine ends."""
    os.nice(_NICENESS)
    gc.enable()
    compiler = Compiler()
    record = PARTIES[COMPILER_PARTY]
    polls = PollSet([record.doorbell_fd, HEADER.launcher_pidfd])
    while True:
        compiler.serve()
        record.mode.xchg(MODE_HALTED)
        woken = polls.wait(None) if REGIONS.asked.load() == compiler.served else False
        if record.mode.xchg(MODE_KERNEL) == MODE_RUNG or (woken and polls.ready(0)):
            host.queue_take(record.doorbell_fd)
        if woken and polls.ready(1):
            return _STATUS_LOST

"""An interrupt to a halted core and its answer, against a bare POSIX queue between two processes.

Both sides sleep in between, so this is the doorbell's whole way: the send, the host's scheduler,
the acceptance. A kernel of a few lines answers, on the board alone.
"""

import os
import sys
import time
from typing import Final

import posix_ipc

from bench.harness import Figure, medians, number, run

ROUNDS: Final = 500


def _queue_round_trip() -> float:
    """Microseconds for a byte to another process and back."""
    there, back = (
        posix_ipc.MessageQueue(
            f"/mpkernel-bench-{os.getpid()}-{side}", posix_ipc.O_CREX, max_messages=4,
            max_message_size=1,
        )
        for side in "tb"
    )  # fmt: skip
    there.unlink()
    back.unlink()
    pid = os.fork()
    if pid == 0:
        for _ in range(ROUNDS):
            there.receive()
            back.send(b"!")
        os._exit(0)
    began = time.perf_counter()
    for _ in range(ROUNDS):
        there.send(b"!")
        back.receive()
    each = (time.perf_counter() - began) / ROUNDS
    os.waitpid(pid, 0)
    there.close()
    back.close()
    return each * 1e6


def _interrupt_round_trip() -> float:
    """Microseconds for an interrupt to a halted core and one back."""
    command = f"{sys.executable} -m tests.support.bare_machine ping 2 2>&1; [ $? = 3 ]"
    return number(r"ipi round trip ([\d.]+) us", run("/bin/sh", "-c", command))


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    found = medians({"ipi": _interrupt_round_trip, "queue": _queue_round_trip}, repeats)
    return [
        Figure("ipi", "to a halted core and back", found["ipi"], "us"),
        Figure("ipi", "bare queue, there and back", found["queue"], "us"),
        Figure("ipi", "ratio", found["ipi"] / found["queue"], "", 4),
    ]

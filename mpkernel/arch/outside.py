"""The kernel as seen from outside its cores: what a watcher in the launcher reads, asks and says.

What stands in shared memory is read without the cores' help. What only a core knows of its sleepers
(their stacks, whether what they wait for is so) it is asked: a question in the ledger, and the
interrupt VECTOR_WATCH.

State: the ledger (QUESTIONS), and what is read. Locks: none.
Context: the launcher, which alone asks; ``QUESTIONS`` also the core that answers.
"""

import time
from collections.abc import Sequence
from typing import Annotated, Final

from hw import clock, host, stacks
from hw.cpu.state import CORES
from hw.irq import delivery
from hw.irq.party import MODE_GUEST, MODE_HALTED, MODE_RUNG, MODE_USER, PARTIES
from hw.spec.apic import DELIVERY_FIXED
from hw.spec.layout import Layout, atomic, layout, u32, u64
from hw.spec.memory_map import MAX_CPUS
from mpkernel.arch import memory
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.vectors import VECTOR_WATCH

# What is asked about a sleeper.
ASK_STACK: Final = 1  #: where it sleeps, to be written to the core's stack file
ASK_TEST: Final = 2  #: whether its condition holds
ASK_KILL: Final = 3  #: end it; whether it sleeps no more

#: How long an answer is waited for. A host may run others; only tests are asked of many.
_PATIENCE_S: Final = {ASK_STACK: 0.25, ASK_TEST: 0.05, ASK_KILL: 2.0}

report = host.report
now_ns = clock.now_ns


@layout()
class Question(Layout):
    """What a core is asked, and its answer."""

    asked: AtomicU64  #: number of the question
    answered: AtomicU64  #: number of the last question that was answered
    action: Annotated[u32, atomic]  #: ASK_*
    slot: Annotated[u32, atomic]  #: of the sleeper (waits_for)
    sequence: Annotated[u64, atomic]  #: of its sleep
    result: Annotated[u64, atomic]


QUESTIONS: Final = memory.LEDGER.place_array(Question, MAX_CPUS)


def knock(index: int) -> None:
    """Interrupt a core, so that it passes a safepoint if it ever does."""
    delivery.deliver(index, DELIVERY_FIXED, VECTOR_WATCH)


def ask(index: int, action: int, slot: int, sequence: int) -> int | None:
    """Ask a core about one of its sleepers; None if it does not answer in time."""
    question = QUESTIONS[index]
    question.action, question.slot, question.sequence = action, slot, sequence
    number = question.asked.add(1) + 1
    knock(index)
    deadline = time.monotonic() + _PATIENCE_S[action]
    while question.answered.value != number:
        if time.monotonic() > deadline:
            return None
        time.sleep(0.0005)
    result: int = question.result
    return result


def stack_of_sleeper(index: int, slot: int, sequence: int) -> list[str]:
    """Where a task sleeps, innermost call first; empty if its core does not tell."""
    start = stacks.end(index)
    if not ask(index, ASK_STACK, slot, sequence):
        return []
    return stacks.read(index, start).splitlines()


def write_stack(index: int, calls: Sequence[tuple[str, int, str]]) -> None:
    """A core tells file, line and function of calls, innermost first."""
    lines = [f"{stacks.short_name(file)}:{line} {name}\n" for file, line, name in calls]
    stacks.write(index, "".join(lines))


def stacks_of_cores(cores: Sequence[int]) -> dict[int, list[str]]:
    """Where cores are, innermost call first; empty for one that does not tell."""
    return stacks.ask(cores)


def cpu_time_ns(index: int) -> int:
    """CPU time that a core's process has used."""
    return host.cpu_time_ns(PARTIES[index].pid) or 0


def is_halted(index: int) -> bool:
    """Whether a core sleeps on its doorbell."""
    return PARTIES[index].mode.value in (MODE_HALTED, MODE_RUNG)


def is_in_user_mode(index: int) -> bool:
    """Whether a core runs a program or a guest."""
    return PARTIES[index].mode.value in (MODE_USER, MODE_GUEST)


def instructions(index: int) -> int:
    """User instructions that a core has executed, as of its last exit."""
    count: int = CORES[index].instructions
    return count


def ns_since(tsc: int) -> int:
    """Nanoseconds since a value of the machine's TSC."""
    return max(clock.ns_of(clock.tsc() - tsc), 0)


def ns_since_host(tsc: int) -> int:
    """Nanoseconds since a value of the host's TSC."""
    return max(clock.ns_of(clock.host_tsc() - tsc), 0)

"""TLB shootdown: no core goes on using translations that the kernel took away.

A space has a generation, raised after each change that takes something away. A core compares it on
its way to user mode, after it has said that it goes there; so whoever raises it must wait only for
cores that are in user mode of that space. Leaving user mode is the answer, and the IPI is what
makes a core leave. The order, on both sides a store, a full fence and a load:

    core:       mode = USER; fence; generation == seen? else flush
    initiator:  entry = 0; generation += 1 (a fence); mode == USER, with an older seen? wait

A generation names a state of one space, so it is the number of the context under which a core keeps
translations (hw.cpu.tlb_banks): whoever comes back to a space that lost nothing finds them there.

With more cores than the host has, waiting for every core costs tens of milliseconds. A kernel that
copies to or from user memory says so the same way (``copying``): frames are not freed under it.

State: RAM, and PARTIES[i].mode. Locks: none. Context: flush waits, with interrupts on if they were;
it must not be called with a spinlock held.
"""

from typing import Annotated, Final

from hw.irq.party import MODE_GUEST, MODE_KERNEL, MODE_USER, PARTIES
from hw.spec.layout import Layout, fixed, layout, this_cpu, u64
from mpkernel.arch import ipi, memory, waits_for
from mpkernel.arch.atomics import AtomicU64, fence
from mpkernel.arch.cpu import cpu
from mpkernel.arch.percpu import PerCpu
from mpkernel.arch.spin_loop import relax


@layout(size=24)
class TlbSpace(Layout):
    """What an address space is to a core. The first field of mm.address_space.AddressSpace."""

    root: Annotated[u64, fixed]  #: physical address of the top page table
    generation: AtomicU64  #: unique among all spaces that ever were
    cpus: AtomicU64  #: bit a CPU that has ever run or copied for the space


@layout()
class CpuTlb(Layout):
    """What a CPU says about the translations that it keeps."""

    running: AtomicU64  #: space whose translations its core has, 0 for none
    seen: AtomicU64  #: generation that they reflect
    copying: AtomicU64  #: space that its kernel copies to or from now
    flushes: Annotated[u64, this_cpu]  #: how often the core took up another state of a space
    shootdowns: Annotated[u64, this_cpu]  #: flushes that had to interrupt others
    served: Annotated[u64, this_cpu]  #: interrupts taken for others


@layout(size=8)
class Serial(Layout):
    """Numbers for spaces."""

    next: AtomicU64


CPUS: Final = PerCpu(CpuTlb)
SERIAL: Final = memory.static(Serial)


def init_space(space: int, root: int) -> None:
    """A new space: its generation is one that no core can have seen."""
    tlb = TlbSpace.at(space)
    tlb.root = root
    tlb.cpus.store(0)
    tlb.generation.store((SERIAL.next.add(1) + 1) << 32)


def enter_space(space: int) -> None:
    """Announce user mode of ``space`` on this CPU, and leave translations that are out of date.

    Last before ``core.run()``; ``leave_user`` follows first after it.
    """
    this = cpu()
    core = this.core
    assert core is not None
    mine = CPUS.of(this.index)
    tlb = TlbSpace.at(space)
    if mine.running.value != space:
        tlb.cpus.or_(1 << this.index)
        mine.seen.store(0)
        mine.running.store(space)
    PARTIES[this.index].mode.store(MODE_USER)
    fence()
    generation: int = tlb.generation.value
    if generation != mine.seen.value or core.state.cr3 != tlb.root:
        if mine.seen.value and core.state.cr3 == tlb.root:
            core.renew_context(generation)
        else:
            core.set_address_space(tlb.root, generation)
        mine.flushes += 1
        mine.seen.store(generation)


def leave_user() -> None:
    """Announce that this CPU is back from user mode.

    With a full fence: what the kernel reads from here on it reads after that (sync.rcu).
    """
    PARTIES[cpu().index].mode.xchg(MODE_KERNEL)


def begin_copy(space: int) -> None:
    """The kernel copies to or from user memory until ``end_copy``, without a safepoint between."""
    this = cpu().index
    bit = 1 << this
    tlb = TlbSpace.at(space)
    if not tlb.cpus.value & bit:
        tlb.cpus.or_(bit)
    CPUS.of(this).copying.xchg(space)  # a full fence before the first look at an entry


def end_copy() -> None:
    """The copy is done."""
    CPUS.of(cpu().index).copying.store(0)


def flush(space: int, page: int | None = None) -> None:
    """Return when no core uses translations of ``space`` that were taken away before the call.

    ``page``: only that one was taken away, so that this core need not drop all.
    """
    this = cpu().index
    mine = CPUS.of(this)
    tlb = TlbSpace.at(space)
    generation = tlb.generation.add(1) + 1
    if page is not None and mine.running.value == space and mine.seen.value == generation - 1:
        core = cpu().core
        if core is not None:
            core.flush_page(page)
            core.rename_context(generation)
            mine.seen.store(generation)
    others = tlb.cpus.value & ~(1 << this)
    waiting = []
    while others:
        index = (others & -others).bit_length() - 1
        others &= others - 1
        if _uses_old(index, space, generation):
            waiting.append(index)
            ipi.send_tlb_flush(index)
    if waiting:
        mine.shootdowns += 1
    for index in waiting:
        waits_for.begin(waits_for.SHOOTDOWN, space, index)
        turn = 0
        while _uses_old(index, space, generation):
            relax(turn)
            turn += 1
        waits_for.end()


def serve() -> None:
    """The IPI's handler: it has left user mode by being here, and compares on its way back."""
    CPUS.of(cpu().index).served += 1


def _uses_old(index: int, space: int, generation: int) -> bool:
    """Whether CPU ``index`` may use translations older than ``generation`` now."""
    other = CPUS.of(index)
    if other.copying.value == space:
        return True
    return (
        PARTIES[index].mode.value in (MODE_USER, MODE_GUEST)
        and other.running.value == space
        and other.seen.value < generation
    )

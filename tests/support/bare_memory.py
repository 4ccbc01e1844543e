"""Memory management on real cores, without the rest of the kernel; one scenario a machine.

    python -m tests.support.bare_memory SCENARIO CORES

Status 3 when all that the scenario checks holds; a failed check is an exception in a core.

State: Board, in the data segment. Context: a process of its own, without threads.
"""

import random
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import mpkernel.boot.wiring  # noqa: F401  fills the seams that CPUs use
from hw import host
from hw.cpu.exits import Interrupt
from hw.irq import doorbell
from hw.machine import Machine
from hw.machine_config import MachineConfig
from hw.spec.layout import Layout, layout
from hw.spec.memory_map import KERNEL_DATA_BASE, KERNEL_DATA_SIZE, MIB
from hw.spec.paging import PTE_PRESENT, PTE_USER, PTE_WRITABLE
from mpkernel.abi.errno import SysError
from mpkernel.arch import (
    context,
    interrupts,
    ipi,
    memory,
    page_table,
    power,
    thread_start,
    tlb_shootdown,
    topology,
    user_access,
)
from mpkernel.arch.atomics import AtomicU64, store64, xchg64
from mpkernel.arch.cpu import cpu
from mpkernel.boot.cpu_start import start_cpu
from mpkernel.mm import address_space, frames

SUCCESS: Final = 3
RAM: Final = 24 * MIB
POISON: Final = 0xDEAD_DEAD_DEAD_DEAD
CODE, SHARED, RESULTS = 0x40_0000, 0x50_0000, 0x60_0000
#: loop: mov rax,[rdi]; cmp rax,rsi; je bad; mov [rdx],rax; inc qword [rdx+8]; jmp loop; bad: ud2
READER: Final = bytes.fromhex("488b07 4839f0 7409 488902 48ff4208 ebef 0f0b")
FLAGS: Final = PTE_PRESENT | PTE_USER | PTE_WRITABLE


@layout()
class Board(Layout):
    """What the cores of a scenario share."""

    arrived: AtomicU64
    phase: AtomicU64
    space: AtomicU64
    copies: AtomicU64


BOARD: Final = memory.static(Board)


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for other cores, giving them the host CPU."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        host.sched_yield()


def barrier(phase: int) -> None:
    """All cores come to the end of a phase before any goes on."""
    count = topology.cpu_count()
    if BOARD.arrived.add(1) == phase * count - 1:
        BOARD.phase.store(phase)
    wait_until(lambda: BOARD.phase.value >= phase)


def allocator(core: int) -> None:
    """All cores empty the allocator at once, then take and give: no frame has two users."""
    mine = []
    try:
        while True:
            frame = frames.alloc_frame()
            assert xchg64(frame, core + 1) == 0, f"{frame:#x} has two users"
            mine.append(frame)
    except SysError:
        pass
    barrier(1)
    if core == 0:
        cached = frames.free_count()
        assert cached == 0, f"{cached} frames are left"
        first = KERNEL_DATA_BASE + KERNEL_DATA_SIZE
        assert all(first < frame < RAM for frame in mine)
    barrier(2)
    choice = random.Random(core)
    for _ in range(4000):
        if mine and choice.random() < 0.5:
            frame = mine.pop(choice.randrange(len(mine)))
            assert xchg64(frame, 0) == core + 1
            frames.free_frame(frame)
        else:
            try:
                frame = frames.alloc_frame()
            except SysError:
                continue
            assert xchg64(frame, core + 1) == 0, f"{frame:#x} has two users"
            mine.append(frame)
    for frame in mine:
        store64(frame, 0)
        frames.free_frame(frame)
    barrier(3)
    if core == 0:
        assert frames.free_count() == frames.total_count()
        power.power_off(SUCCESS)


def new_page(space: address_space.AddressSpace, address: int, value: int = 0) -> int:
    """Map a fresh frame whose first word is ``value``."""
    frame = frames.alloc_zeroed_frame()
    store64(frame, value)
    page_table.map_page(space.root, address, frame, FLAGS, frames.alloc_zeroed_frame)
    return frame


def shootdown(core: int) -> None:
    """Core 0 takes a page away again and again; what its frame holds then nobody ever sees."""
    if core:
        wait_until(lambda: BOARD.space.value != 0)
        (read_as_kernel if core % 3 == 2 else read_as_user)(core, BOARD.space.value)
        return
    space = address_space.create()
    memory.write(new_page(space, CODE), READER)
    results = [new_page(space, RESULTS + 4096 * index) for index in range(topology.cpu_count())]
    frame = new_page(space, SHARED, 1)
    place = page_table.entry_at(space.root, SHARED)
    BOARD.space.store(space.phys)
    users = [index for index in range(1, topology.cpu_count()) if index % 3 != 2]
    wait_until(lambda: all(memory.words(results[index], 2)[1] for index in users))
    rounds, spent = 300, 0
    for value in range(2, rounds + 2):
        new = frames.alloc_frame()
        store64(new, value)
        store64(place, new | FLAGS)
        began = time.perf_counter_ns()
        tlb_shootdown.flush(space.phys, SHARED)
        spent += time.perf_counter_ns() - began
        memory.write(frame, POISON.to_bytes(8, "little") * 8)
        frames.free_frame(frame)
        frame = new
        if value % 50 == 0:
            wait_until(partial(_have_all_seen, [results[index] for index in users], value))
    assert BOARD.copies.value or topology.cpu_count() < 3
    waits = tlb_shootdown.CPUS.of(0).shootdowns
    power.debug_write(f"shootdown {spent / rounds / 1000:.1f} us, {waits} waits\n".encode())
    power.power_off(SUCCESS)


def _have_all_seen(results: list[int], value: int) -> bool:
    return all(memory.words(result, 1)[0] >= value for result in results)


def read_as_user(core: int, space: int) -> None:
    """Run the reading program for ever."""
    thread_start.reset_user(CODE, 0)
    state = context.registers()
    state.rdi, state.rsi, state.rdx = SHARED, POISON, RESULTS + 4096 * core
    this = cpu()
    assert this.core is not None
    while True:
        tlb_shootdown.enter_space(space)
        left = this.core.run()
        tlb_shootdown.leave_user()
        assert isinstance(left, Interrupt), f"core {core} saw a frame after its end: {left}"
        interrupts.safepoint()


def read_as_kernel(core: int, space: int) -> None:
    """Copy the word for ever, as system calls do."""
    while True:
        data = user_access.copy_in(space, SHARED, 64)
        assert data[:8] != POISON.to_bytes(8, "little"), f"core {core} copied a frame after its end"
        BOARD.copies.add(1)
        interrupts.safepoint()


SCENARIOS: Final = {f.__name__: f for f in (allocator, shootdown)}


def entry(core: int) -> None:
    """Be a CPU with memory, then do what the scenario says."""
    start_cpu(core)
    if core == 0:
        frames.init([(KERNEL_DATA_BASE + KERNEL_DATA_SIZE, RAM)])
    topology.came_online(core)
    interrupts.enable()
    if core == 0:
        for index in range(1, topology.cpu_count()):
            ipi.start_core(index)
    SCENARIOS[sys.argv[1]](core)
    while True:
        doorbell.halt(core)


def main() -> int:
    """Run the scenario that the command line names."""
    config = MachineConfig(cpus=int(sys.argv[2]), ram_bytes=RAM, ports=())
    return Machine(config).run(entry)


if __name__ == "__main__":
    sys.exit(main())

"""Tiny kernels that run straight on the board, one a scenario.

    python -m tests.support.bare_machine SCENARIO CORES

The status of the process is the machine's. Scenarios end with status 3 when all they check holds;
a failed check is a Python exception in a core, status 70.

State: words of RAM from SCRATCH on. Context: a process of its own, without threads.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hw import atomics, clock, host
from hw.bus import mmio
from hw.irq import apic_timer, doorbell
from hw.irq.local_apic import LOCAL_APICS
from hw.irq.party import PARTIES, STATE_HALTED, came_online, core_count, core_state
from hw.machine import Machine
from hw.machine_config import MachineConfig
from hw.spec.apic import (
    APIC_BASE_ENABLE,
    APIC_BASE_X2APIC,
    DELIVERY_INIT,
    DELIVERY_MODE,
    DELIVERY_STARTUP,
    ICR_ASSERT,
    ICR_DEST_X2APIC,
    IO_APIC_REG_REDIRECTION,
    IO_APIC_WINDOW,
    LAPIC_ICR_HIGH,
    LAPIC_ICR_LOW,
    LAPIC_LVT_TIMER,
    LAPIC_SVR,
    LAPIC_TIMER_INITIAL,
    LVT_TIMER_MODE,
    SVR_ENABLE,
    TIMER_PERIODIC,
)
from hw.spec.board_registers import (
    DEBUG_CONSOLE,
    HOST_SIGNALS,
    HOST_SIGNALS_ENABLE,
    HOST_SIGNALS_LINE,
    POWER_OFF,
)
from hw.spec.hpet import (
    HPET_CONFIG,
    HPET_COUNTER,
    HPET_PERIOD_NS,
    HPET_TIMER_BASE,
    HPET_TIMER_COMPARATOR,
    TIMER_INTERRUPT_ENABLE,
    TIMER_ROUTE,
    TIMER_SET_VALUE,
)
from hw.spec.hpet import TIMER_PERIODIC as HPET_PERIODIC
from hw.spec.memory_map import (
    BOARD_REGISTERS_BASE,
    HPET_BASE,
    IO_APIC_BASE,
    LOCAL_APIC_BASE,
    MIB,
)

SCRATCH: Final = 8 * MIB
GO: Final = SCRATCH
ONLINE: Final = SCRATCH + 8
REPLY: Final = SCRATCH + 16
COUNTS: Final = SCRATCH + 4096
SENT: Final = SCRATCH + 2 * 4096
PING: Final = 0x41
PONG: Final = 0x42
TICK: Final = 0x50
FLOOD: Final = 0x60
SUCCESS: Final = 3


def power_off(core: int, status: int) -> None:
    """End the machine, as a kernel does."""
    mmio.write(core, BOARD_REGISTERS_BASE + POWER_OFF, 4, status)
    while True:
        doorbell.halt(core)


def say(core: int, text: str) -> None:
    """Write to the debug console."""
    for byte in text.encode():
        mmio.write(core, BOARD_REGISTERS_BASE + DEBUG_CONSOLE, 1, byte)


def enable_apic(core: int) -> None:
    """Switch the local APIC on."""
    mmio.write(core, LOCAL_APIC_BASE + LAPIC_SVR, 4, SVR_ENABLE | 0xFF)


def send(core: int, target: int, command: int) -> None:
    """Send by the command register."""
    mmio.write(core, LOCAL_APIC_BASE + LAPIC_ICR_HIGH, 4, PARTIES[target].apic_id << 24)
    mmio.write(core, LOCAL_APIC_BASE + LAPIC_ICR_LOW, 4, command)


def enable_x2apic(core: int) -> None:
    """Switch the local APIC on in x2APIC mode, as the kernel does."""
    apic = LOCAL_APICS[core]
    apic.set_base(apic.base() | APIC_BASE_ENABLE | APIC_BASE_X2APIC)
    apic.write_x2apic(LAPIC_SVR, SVR_ENABLE | 0xFF)


def send_x2apic(core: int, target: int, command: int) -> None:
    """Send by one write to the command register, as the kernel does."""
    destination = ICR_DEST_X2APIC.put(0, PARTIES[target].apic_id)
    LOCAL_APICS[core].write_x2apic(LAPIC_ICR_LOW, destination | command)


def start_others(core: int) -> None:
    """INIT and STARTUP for every other core; wait until all are online."""
    for target in range(core_count()):
        if target != core:
            send(core, target, DELIVERY_MODE.put(ICR_ASSERT, DELIVERY_INIT))
            send(core, target, DELIVERY_MODE.put(ICR_ASSERT | 0x10, DELIVERY_STARTUP))
    wait_until(lambda: atomics.load64(ONLINE) == core_count() - 1)


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for other cores, giving them the host CPU."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        host.sched_yield()


def add(address: int, n: int = 1) -> int:
    """Add to a word of RAM; return the old value."""
    while True:
        old = atomics.load64(address)
        if atomics.cas64(address, old, old + n) == old:
            return old


def _join(core: int) -> None:
    enable_apic(core)
    came_online(core)
    add(ONLINE)


def start(core: int) -> None:
    """All cores start by INIT and STARTUP and are seen asleep."""
    if core:
        _join(core)
        while True:
            doorbell.halt(core)
    assert all(core_state(other) == 0 for other in range(1, core_count()))
    start_others(core)
    wait_until(lambda: all(core_state(c) == STATE_HALTED for c in range(1, core_count())))
    say(core, f"{core_count()} cores\n")
    power_off(core, SUCCESS)


def ping(core: int) -> None:
    """Let halted cores answer IPIs; both sides sleep in between."""
    apic = LOCAL_APICS[core]
    if core:
        _join(core)
        enable_x2apic(core)
        while True:
            vector = apic.accept()
            if vector is None:
                doorbell.halt(core)
                continue
            assert vector == PING
            apic.eoi()
            send_x2apic(core, 0, ICR_ASSERT | PONG)
    enable_apic(core)
    start_others(core)
    enable_x2apic(core)
    rounds = 200
    began = clock.now_ns()
    for turn in range(rounds):
        target = 1 + turn % (core_count() - 1)
        send_x2apic(core, target, ICR_ASSERT | PING)
        while (vector := apic.accept()) is None:
            doorbell.halt(core)
        assert vector == PONG
        apic.eoi()
    say(core, f"ipi round trip {(clock.now_ns() - began) / rounds / 1000:.1f} us\n")
    power_off(core, SUCCESS)


def flood(core: int) -> None:
    """Every core sends to every other, acknowledged one by one: none may be lost."""
    rounds = 60
    if core:
        _join(core)
        wait_until(lambda: atomics.load64(GO) == 1)
    else:
        enable_apic(core)
        start_others(core)
        atomics.store64(GO, 1)
    apic = LOCAL_APICS[core]
    others = [c for c in range(core_count()) if c != core]
    expected = rounds * len(others)
    got = 0
    left = dict.fromkeys(others, rounds)
    end = time.monotonic() + 60
    while got < expected or left:
        assert time.monotonic() < end, f"core {core}: {got} of {expected} came, {left} to send"
        # A vector may be sent again only when its receiver has counted the one before.
        for target in list(left):
            if atomics.cas64(COUNTS + 8 * (64 * target + core), 0, 1) == 0:
                send(core, target, FLOOD + core)
                left[target] -= 1
                if not left[target]:
                    del left[target]
        vector = apic.accept()
        if vector is None:
            doorbell.halt(core, clock.tsc() + clock.counts_of(2_000_000))
            continue
        source = vector - FLOOD
        apic.eoi()
        assert atomics.cas64(COUNTS + 8 * (64 * core + source), 1, 0) == 1
        got += 1
    add(REPLY, got)
    if core:
        while True:
            doorbell.halt(core)
    total = rounds * len(others) * core_count()
    wait_until(lambda: atomics.load64(REPLY) == total, 60)
    power_off(core, SUCCESS)


def timer(core: int) -> None:
    """Let a periodic timer wake a halted core at its period."""
    enable_apic(core)
    base = LOCAL_APIC_BASE
    mmio.write(core, base + LAPIC_LVT_TIMER, 4, LVT_TIMER_MODE.put(TICK, TIMER_PERIODIC))
    mmio.write(core, base + 0x3E0, 4, 0xB)
    mmio.write(core, base + LAPIC_TIMER_INITIAL, 4, 5_000_000)
    apic = LOCAL_APICS[core]
    began = clock.now_ns()
    ticks = 0
    while ticks < 20:
        doorbell.halt(core, apic_timer.DEADLINES[core].tsc.value)
        apic_timer.timer_poll(core)
        while (vector := apic.accept()) is not None:
            assert vector == TICK
            apic.eoi()
            ticks += 1
    passed = clock.now_ns() - began
    assert 95_000_000 <= passed < 400_000_000, passed
    power_off(core, SUCCESS)


def crash(core: int) -> None:
    """Raise a Python exception in a core."""
    raise RuntimeError(f"core {core} fails on purpose")


def idle(core: int) -> None:
    """All cores sleep for ever; says the pids of all processes."""
    if core:
        _join(core)
        while True:
            doorbell.halt(core)
    enable_apic(core)
    start_others(core)
    pids = " ".join(str(PARTIES[c].pid) for c in range(core_count()))
    say(core, f"pids {pids} {PARTIES[64].pid}\n")
    while True:
        doorbell.halt(core)


def spin(core: int) -> None:
    """Never ends and never sleeps."""
    say(core, "spinning\n")
    while True:
        host.sched_yield()


def set_line(core: int, line: int, vector: int) -> None:
    """Send an I/O APIC line to this core."""
    for register, value in ((1, PARTIES[core].apic_id << 24), (0, vector)):
        mmio.write(core, IO_APIC_BASE, 4, IO_APIC_REG_REDIRECTION + 2 * line + register)
        mmio.write(core, IO_APIC_BASE + IO_APIC_WINDOW, 4, value)


def hpet(core: int) -> None:
    """Let the device process's HPET wake a halted core at its period."""
    enable_apic(core)
    set_line(core, 20, TICK)
    timer0 = HPET_BASE + HPET_TIMER_BASE
    config = TIMER_ROUTE.put(HPET_PERIODIC | TIMER_INTERRUPT_ENABLE | TIMER_SET_VALUE, 20)
    mmio.write(core, HPET_BASE + HPET_CONFIG, 8, 1)
    counter = mmio.read(core, HPET_BASE + HPET_COUNTER, 8)
    period = 5_000_000 // HPET_PERIOD_NS
    mmio.write(core, timer0, 8, config)
    mmio.write(core, timer0 + HPET_TIMER_COMPARATOR, 8, counter + period)
    mmio.write(core, timer0 + HPET_TIMER_COMPARATOR, 8, period)
    apic = LOCAL_APICS[core]
    began = clock.now_ns()
    for _ in range(20):
        while (vector := apic.accept()) is None:
            doorbell.halt(core)
        assert vector == TICK
        apic.eoi()
    passed = clock.now_ns() - began
    assert 90_000_000 <= passed < 400_000_000, passed
    power_off(core, SUCCESS)


def signals(core: int) -> None:
    """Take host signals and say their numbers; end after TERM."""
    enable_apic(core)
    set_line(core, HOST_SIGNALS_LINE, TICK)
    mmio.write(core, BOARD_REGISTERS_BASE + HOST_SIGNALS_ENABLE, 4, 1)
    say(core, "ready\n")
    apic = LOCAL_APICS[core]
    seen = 0
    while not seen >> signal.SIGTERM & 1:
        if apic.accept() is None:
            doorbell.halt(core)
            continue
        apic.eoi()
        new = mmio.read(core, BOARD_REGISTERS_BASE + HOST_SIGNALS, 4)
        seen |= new
        for number in range(32):
            if new >> number & 1:
                say(core, f"signal {number}\n")
    power_off(core, SUCCESS)


SCENARIOS: Final = {
    f.__name__: f for f in (start, ping, flood, timer, crash, idle, spin, hpet, signals)
}


def run_twice() -> int:
    """Run two machines one after the other; nothing of the first may be left."""
    before = sorted(os.listdir("/proc/self/fd"))
    for cpus in (3, 2):
        config = MachineConfig(cpus=cpus, ram_bytes=32 * MIB, ports=())
        if Machine(config).run(start) != SUCCESS:
            return 1
    after = sorted(os.listdir("/proc/self/fd"))
    assert after == before, f"descriptors {before} became {after}"
    assert not Path(f"/proc/self/task/{os.getpid()}/children").read_text(), "a process is left"
    assert "mpkernel" not in Path("/proc/self/maps").read_text(), "memory is left"
    return SUCCESS


def main() -> int:
    """Run the scenario that the command line names."""
    if sys.argv[1] == "twice":
        return run_twice()
    name, cpus = sys.argv[1], int(sys.argv[2])
    ids = tuple(3 * core + 1 for core in range(cpus)) if "sparse" in sys.argv else ()
    timeout = 0.5 if "timeout" in sys.argv else None
    config = MachineConfig(
        cpus=cpus,
        ram_bytes=32 * MIB,
        apic_ids=ids,
        ports=(),
        timeout_s=timeout,
        forward_signals=name == "signals",
    )
    return Machine(config).run(SCENARIOS[name])


if __name__ == "__main__":
    sys.exit(main())

"""HPET: a 64-bit counter that goes up every 10 ns, and three comparators that raise lines.

The counter is the machine's clock plus an offset. A comparator is kept as the counter value at
which it fires next; the device process sleeps until the earliest and fires it.

Spec: IA-PC HPET 1.0a, 2.3. State: board memory (STATE, TIMERS).
Locks: LOCK (raw), then io_apic.LOCK. Context: cores (registers), device process (fire_due).
"""

from collections.abc import Callable
from typing import Annotated, Final

from hw import clock, ram
from hw.bus import device_work
from hw.bus.raw_lock import RawLock
from hw.bus.register_map import Register, RegisterMap
from hw.irq import io_apic
from hw.spec.hpet import (
    CONFIG_ENABLE,
    HPET_CAPABILITIES,
    HPET_CAPABILITIES_VALUE,
    HPET_CONFIG,
    HPET_COUNTER,
    HPET_PERIOD_NS,
    HPET_STATUS,
    HPET_TIMER_BASE,
    HPET_TIMER_COMPARATOR,
    HPET_TIMER_CONFIG,
    HPET_TIMER_STRIDE,
    HPET_TIMERS,
    TIMER_32BIT_MODE,
    TIMER_64BIT,
    TIMER_CAN_PERIODIC,
    TIMER_INTERRUPT_ENABLE,
    TIMER_LEVEL,
    TIMER_PERIODIC,
    TIMER_ROUTE,
    TIMER_ROUTE_CAPABILITIES,
    TIMER_SET_VALUE,
)
from hw.spec.layout import Layout, guarded_by, layout, u64

_MASK: Final = (1 << 64) - 1
_LOCKED: Final = guarded_by("hpet.LOCK")
_NEVER: Final = 1 << 63
_WRITABLE: Final = (
    TIMER_LEVEL | TIMER_INTERRUPT_ENABLE | TIMER_PERIODIC | TIMER_SET_VALUE | TIMER_32BIT_MODE
    | TIMER_ROUTE.mask
)  # fmt: skip
_FIXED: Final = TIMER_ROUTE_CAPABILITIES << 32 | TIMER_CAN_PERIODIC | TIMER_64BIT
#: Source number of timer n's line at the I/O APIC is this + n (PCI slots use 0 to 31).
_FIRST_SOURCE: Final = 32


@layout(size=24)
class HpetState(Layout):
    """The counter."""

    config: Annotated[u64, _LOCKED]
    status: Annotated[u64, _LOCKED]
    offset: Annotated[u64, _LOCKED]  #: counter less clock while it runs, its value while it stands


@layout(size=32)
class TimerState(Layout):
    """A comparator."""

    config: Annotated[u64, _LOCKED]
    comparator: Annotated[u64, _LOCKED]
    period: Annotated[u64, _LOCKED]
    due: Annotated[u64, _LOCKED]  #: counter value (not wrapped) at which it fires, _NEVER


STATE: Final = ram.BOARD.place(HpetState)
TIMERS: Final = ram.BOARD.place_array(TimerState, HPET_TIMERS)
LOCK: Final = ram.BOARD.place(RawLock)


def reset() -> None:
    """Stop the counter and disarm all comparators."""
    STATE.config = STATE.status = STATE.offset = 0
    for timer in TIMERS:
        timer.config = 0
        timer.comparator = _MASK
        timer.period = 0
        timer.due = _NEVER


def _counter() -> int:
    if not STATE.config & CONFIG_ENABLE:
        return STATE.offset
    return (clock.now_ns() // HPET_PERIOD_NS + STATE.offset) & _MASK


def _write_config(_core: int, value: int) -> None:
    now = _counter()
    STATE.config = value & CONFIG_ENABLE
    _set_counter(0, now)


def _set_counter(_core: int, value: int) -> None:
    running = STATE.config & CONFIG_ENABLE
    ticks = clock.now_ns() // HPET_PERIOD_NS if running else 0
    STATE.offset = (value - ticks) & _MASK
    for timer in TIMERS:
        _arm(timer)


def _write_status(_core: int, value: int) -> None:
    STATE.status &= ~value
    for index, timer in enumerate(TIMERS):
        if value >> index & 1 and timer.config & TIMER_LEVEL:
            io_apic.set_line(TIMER_ROUTE.get(timer.config), _FIRST_SOURCE + index, high=False)


def _arm(timer: TimerState) -> None:
    """Work out when a comparator matches next."""
    if not STATE.config & CONFIG_ENABLE or not timer.config & TIMER_INTERRUPT_ENABLE:
        timer.due = _NEVER
        return
    now = _counter()
    width = 32 if timer.config & TIMER_32BIT_MODE else 64
    timer.due = min(now + ((timer.comparator - now) & ((1 << width) - 1)), _NEVER)


def _write_timer_config(timer: TimerState) -> Callable[[int, int], None]:
    def write(_core: int, value: int) -> None:
        timer.config = value & _WRITABLE
        _arm(timer)

    return write


def _write_comparator(timer: TimerState) -> Callable[[int, int], None]:
    def write(_core: int, value: int) -> None:
        # In periodic mode a write is the period, unless SET_VALUE said: this one is the value.
        config = timer.config
        if config & TIMER_PERIODIC:
            timer.period = value
        if not config & TIMER_PERIODIC or config & TIMER_SET_VALUE:
            timer.comparator = value
        timer.config = config & ~TIMER_SET_VALUE
        _arm(timer)

    return write


def _read_timer_config(timer: TimerState) -> Callable[[int], int]:
    return lambda _core: timer.config | _FIXED


def _read_comparator(timer: TimerState) -> Callable[[int], int]:
    return lambda _core: timer.comparator


def _timer_registers() -> list[Register[int]]:
    registers = []
    for index, timer in enumerate(TIMERS):
        config = HPET_TIMER_BASE + index * HPET_TIMER_STRIDE + HPET_TIMER_CONFIG
        comparator = HPET_TIMER_BASE + index * HPET_TIMER_STRIDE + HPET_TIMER_COMPARATOR
        registers += [
            Register(config, 8, _read_timer_config(timer), _write_timer_config(timer)),
            Register(comparator, 8, _read_comparator(timer), _write_comparator(timer)),
        ]
    return registers


_REGISTERS: Final = RegisterMap[int](
    [
        Register(HPET_CAPABILITIES, 8, lambda _core: HPET_CAPABILITIES_VALUE),
        Register(HPET_CONFIG, 8, lambda _core: STATE.config, _write_config),
        Register(HPET_STATUS, 8, lambda _core: STATE.status, _write_status),
        Register(HPET_COUNTER, 8, lambda _core: _counter(), _set_counter),
        *_timer_registers(),
    ]
)


def read(core: int, offset: int, size: int) -> int:
    """Read a register."""
    with LOCK:
        return _REGISTERS.read(core, offset, size)


def write(core: int, offset: int, size: int, value: int) -> None:
    """Write a register; the device process looks again at what is due."""
    with LOCK:
        _REGISTERS.write(core, offset, size, value)
    device_work.post(device_work.HPET_BIT)


def fire_due() -> None:
    """Fire every comparator whose time has come; periods that were missed fire once."""
    if not STATE.config & CONFIG_ENABLE:
        return
    with LOCK:
        now = _counter()
        for index, timer in enumerate(TIMERS):
            if timer.due <= now:
                _fire(index, timer, now)


def _fire(index: int, timer: TimerState, now: int) -> None:
    config = timer.config
    wrap = 1 << 32 if config & TIMER_32BIT_MODE else 0
    if config & TIMER_PERIODIC and timer.period:
        step = ((now - timer.due) // timer.period + 1) * timer.period
        timer.due += step
        timer.comparator = timer.due & ((wrap or 1 << 64) - 1)
    else:
        timer.due = timer.due + wrap if wrap else _NEVER
    line = TIMER_ROUTE.get(config)
    if config & TIMER_LEVEL:
        STATE.status |= 1 << index
        io_apic.set_line(line, _FIRST_SOURCE + index, high=True)
    else:
        io_apic.pulse(line)


def next_due_ns() -> int | None:
    """Return the nanoseconds until the next comparator fires, None if none will."""
    if not STATE.config & CONFIG_ENABLE:
        return None
    with LOCK:
        due = min(timer.due for timer in TIMERS)
        return None if due >= _NEVER else max(due - _counter(), 0) * HPET_PERIOD_NS

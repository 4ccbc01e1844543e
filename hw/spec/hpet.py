"""HPET registers: one 64-bit up-counter and comparators that raise I/O APIC lines.

Spec: IA-PC HPET 1.0a, 2.3. State: none. Context: any.
"""

from typing import Final

from hw.spec.layout import Field

HPET_CAPABILITIES: Final = 0x000
HPET_CONFIG: Final = 0x010
HPET_STATUS: Final = 0x020
HPET_COUNTER: Final = 0x0F0
HPET_SIZE: Final = 0x400

HPET_TIMER_BASE: Final = 0x100
HPET_TIMER_STRIDE: Final = 0x20
# Offsets inside a timer's registers.
HPET_TIMER_CONFIG: Final = 0x00
HPET_TIMER_COMPARATOR: Final = 0x08
HPET_TIMER_FSB: Final = 0x10

HPET_TIMERS: Final = 3
HPET_VENDOR: Final = 0x8086
#: Length of one count in femtoseconds (10 ns).
HPET_PERIOD_FS: Final = 10_000_000
HPET_PERIOD_NS: Final = HPET_PERIOD_FS // 1_000_000

#: Capabilities word: period in the high half, then vendor, 64-bit counter, last timer, revision.
HPET_CAPABILITIES_VALUE: Final = (
    HPET_PERIOD_FS << 32 | HPET_VENDOR << 16 | 1 << 13 | (HPET_TIMERS - 1) << 8 | 1
)

CONFIG_ENABLE: Final = 1 << 0

TIMER_LEVEL: Final = 1 << 1
TIMER_INTERRUPT_ENABLE: Final = 1 << 2
TIMER_PERIODIC: Final = 1 << 3
TIMER_CAN_PERIODIC: Final = 1 << 4
TIMER_64BIT: Final = 1 << 5
TIMER_SET_VALUE: Final = 1 << 6
TIMER_32BIT_MODE: Final = 1 << 8
TIMER_ROUTE: Final = Field(9, 5)
#: The high half of a timer's configuration: I/O APIC lines it can be routed to.
TIMER_ROUTE_CAPABILITIES: Final = 0x00F0_0000

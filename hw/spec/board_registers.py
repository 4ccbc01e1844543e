"""The board's own registers at BOARD_REGISTERS_BASE: power, debug console, host signals.

State: none. Context: any.
"""

from typing import Final

#: Write (32 bits): end the machine with this status (low 8 bits). Console ports drain first.
POWER_OFF: Final = 0x00
#: Write (8 bits): a byte for the host's standard error; works from the first instruction on.
DEBUG_CONSOLE: Final = 0x08
#: Read (32 bits): host signals since the last read, as bits 1 << signal number; reading clears.
HOST_SIGNALS: Final = 0x10
#: Read/write (32 bits): 1 if this kernel takes host signals itself; the line rises with each.
HOST_SIGNALS_ENABLE: Final = 0x14
#: Read (64 bits): nanoseconds since 1970 (UTC), now.
WALL_CLOCK_NS: Final = 0x18
BOARD_REGISTERS_SIZE: Final = 0x1000

#: I/O APIC line that rises when HOST_SIGNALS is not 0.
HOST_SIGNALS_LINE: Final = 10

"""The kernel's fixed interrupt vectors. Devices get vectors from DEVICE_FIRST to DEVICE_LAST.

State: none. Context: any.
"""

from typing import Final

VECTOR_NMI: Final = 2
DEVICE_FIRST: Final = 0x30
DEVICE_LAST: Final = 0xDF
VECTOR_TIMER: Final = 0xEF
VECTOR_RESCHEDULE: Final = 0xF0
VECTOR_TLB_FLUSH: Final = 0xF1
VECTOR_CALL: Final = 0xF2
VECTOR_STOP: Final = 0xF3
VECTOR_WATCH: Final = 0xF4
VECTOR_SPURIOUS: Final = 0xFF

VECTOR_NAMES: Final = {
    VECTOR_NMI: "NMI",
    VECTOR_TIMER: "local timer",
    VECTOR_RESCHEDULE: "reschedule",
    VECTOR_TLB_FLUSH: "TLB shootdown",
    VECTOR_CALL: "function call",
    VECTOR_STOP: "stop",
    VECTOR_WATCH: "watcher",
    VECTOR_SPURIOUS: "spurious",
}

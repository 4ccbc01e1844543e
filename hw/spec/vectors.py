"""Exception vectors of the x86-64 architecture.

Spec: AMD64 APM vol. 2, 8.2.
State: none. Context: any.
"""

from typing import Final

DIVIDE_ERROR: Final = 0
DEBUG: Final = 1
NMI: Final = 2
BREAKPOINT: Final = 3
OVERFLOW: Final = 4
BOUND_RANGE: Final = 5
INVALID_OPCODE: Final = 6
DEVICE_NOT_AVAILABLE: Final = 7
DOUBLE_FAULT: Final = 8
INVALID_TSS: Final = 10
SEGMENT_NOT_PRESENT: Final = 11
STACK: Final = 12
GENERAL_PROTECTION: Final = 13
PAGE_FAULT: Final = 14
X87: Final = 16
ALIGNMENT_CHECK: Final = 17
MACHINE_CHECK: Final = 18
SIMD: Final = 19

#: Vectors that push an error code.
WITH_ERROR_CODE: Final = frozenset({8, 10, 11, 12, 13, 14, 17})
#: First vector that hardware does not use.
FIRST_FREE: Final = 32

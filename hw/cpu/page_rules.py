"""What a walk is asked for and what an entry allows: rules, permissions, reserved bits.

Spec: AMD64 APM vol. 2, 5.3 to 5.6. State: none. Context: native code, any.
"""

from typing import Final

from hw.spec.paging import (
    ACCESS_FETCH,
    ACCESS_USER,
    ACCESS_WRITE,
    PTE_FRAME_MASK,
    PTE_LARGE,
    PTE_NO_EXECUTE,
    PTE_RESERVED,
    PTE_USER,
    PTE_WRITABLE,
)

#: What CR0, CR4, EFER and RFLAGS.AC mean for a walk (``CpuState.walk_rules``).
RULE_WP: Final = 1 << 0  #: the supervisor may not write read-only pages
RULE_NX: Final = 1 << 1  #: no-execute bits count
RULE_SMEP: Final = 1 << 2  #: the supervisor may not fetch from user pages
RULE_SMAP: Final = 1 << 3  #: the supervisor may not touch user pages now
RULE_NO_PAGING: Final = 1 << 4
RULE_PAE: Final = 1 << 5  #: three levels, legacy mode
RULE_TWO_LEVELS: Final = 1 << 6
RULE_PSE: Final = 1 << 7  #: two levels: pages of 4 MiB exist
RULE_GLOBAL: Final = 1 << 8  #: global pages exist
RULE_ALIGNED: Final = 1 << 9  #: accesses must be aligned (of no concern to a walk)
#: Reserved in PAE entries of legacy mode, beside the usual bits.
_PAE_RESERVED: Final = 0x7FF0_0000_0000_0000


def shown(access: int, rules: int) -> int:
    """The access as the error code tells it: fetches only where a fetch can be refused."""
    return access if rules & (RULE_NX | RULE_SMEP) != 0 else access & ~ACCESS_FETCH


def reserved(shift: int, leaf: bool, rules: int) -> int:  # noqa: FBT001
    """Bits that must be zero in an entry of this level."""
    always = PTE_RESERVED | (0 if rules & RULE_NX != 0 else PTE_NO_EXECUTE)
    legacy = _PAE_RESERVED if rules & RULE_PAE != 0 else 0
    top = PTE_LARGE if shift == 39 else 0
    large = ((1 << shift) - 1) & ~0x1FFF & PTE_FRAME_MASK if leaf and shift != 12 else 0
    return always | legacy | top | large


def may_write(access: int, allowed: int, rules: int) -> bool:
    """Whether whoever made this access may write the page."""
    return allowed & PTE_WRITABLE != 0 or (access & ACCESS_USER == 0 and rules & RULE_WP == 0)


def denied(access: int, allowed: int, forbidden: int, rules: int) -> bool:
    """Whether a present mapping refuses the access."""
    user = access & ACCESS_USER != 0
    fetch = access & ACCESS_FETCH != 0
    no_user = user and allowed & PTE_USER == 0
    no_write = access & ACCESS_WRITE != 0 and not may_write(access, allowed, rules)
    no_fetch = fetch and rules & RULE_NX != 0 and forbidden & PTE_NO_EXECUTE != 0
    apart = RULE_SMEP if fetch else RULE_SMAP
    no_supervisor = not user and rules & apart != 0 and allowed & PTE_USER != 0
    return no_user or no_write or no_fetch or no_supervisor

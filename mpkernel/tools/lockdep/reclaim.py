"""The scenarios of reclaim: an allocation inside it, by what the allocation may do.

State: RAM. Context: as tools.lockdep.sequence.
"""

from typing import Final

from mpkernel.sched import scopes

_PREFIX: Final = "fs_reclaim_"


async def run(case: str) -> None:
    """Do a case."""
    kind = case.removeprefix(_PREFIX)
    with scopes.reclaim():
        if kind == "correct_nesting":
            scopes.may_reclaim(scopes.NOFS)
        elif kind == "wrong_nesting":
            scopes.may_reclaim(scopes.KERNEL)
        else:
            assert kind == "protected_nesting", case
            with scopes.nofs():
                scopes.may_reclaim(scopes.KERNEL)

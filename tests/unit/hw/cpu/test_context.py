"""Rules and contexts: as many contexts as there are different answers of the TLB."""

import itertools

import pytest

from hw.cpu import context
from hw.cpu.page_rules import RULE_ALIGNED, RULE_SMAP
from hw.cpu.tlb_banks import CONTEXT_PCID, CONTEXT_USER
from hw.cpu.vector_core import VectorCore
from hw.spec.registers import (
    CR0_AM,
    CR0_PE,
    CR0_PG,
    CR0_WP,
    CR4_PAE,
    CR4_PCIDE,
    CR4_SMAP,
    EFER_LMA,
    RFLAGS_AC,
)


def derive(core: VectorCore, cpl: int, rflags: int, cr3: int = 0, cr4: int = 0) -> int:
    state = core.state
    state.cr0 = CR0_PE | CR0_PG | CR0_WP | CR0_AM
    state.cr4, state.efer, state.cr3 = CR4_PAE | cr4, EFER_LMA, cr3
    state.cpl, state.rflags = cpl, rflags
    context.update(state)
    found: int = state.context
    return found


def test_the_rings_of_the_supervisor_share_a_context(vector_core: VectorCore) -> None:
    by_ring = [derive(vector_core, cpl, 2) for cpl in range(4)]
    assert by_ring[0] == by_ring[1] == by_ring[2]
    assert by_ring[3] == by_ring[0] | CONTEXT_USER


def test_a_pcid_counts_where_it_is_switched_on(vector_core: VectorCore) -> None:
    assert derive(vector_core, 0, 2, cr3=5) & CONTEXT_PCID == 0
    assert derive(vector_core, 0, 2, cr3=5, cr4=CR4_PCIDE) & CONTEXT_PCID == 5


@pytest.mark.parametrize(("cpl", "ac"), list(itertools.product(range(4), (0, RFLAGS_AC))))
def test_ac_opens_user_pages_to_the_supervisor_and_checks_alignment_of_the_user(
    vector_core: VectorCore, cpl: int, ac: int
) -> None:
    derive(vector_core, cpl, 2 | ac, cr4=CR4_SMAP)
    rules = vector_core.state.walk_rules
    assert bool(rules & RULE_SMAP) == (cpl == 3 or not ac)
    assert bool(rules & RULE_ALIGNED) == (cpl == 3 and bool(ac))


def test_each_context_has_its_bank(vector_core: VectorCore) -> None:
    banks = {}
    for cpl, cr3 in itertools.product((0, 3), range(1, 6)):
        banks[cpl, cr3] = (derive(vector_core, cpl, 2, cr3, CR4_PCIDE), vector_core.state.bank)
    assert len(set(banks.values())) == len({bank for _, bank in banks.values()}) == 10
    for (cpl, cr3), known in banks.items():
        assert (derive(vector_core, cpl, 2, cr3, CR4_PCIDE), vector_core.state.bank) == known

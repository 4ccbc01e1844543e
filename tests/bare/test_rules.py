"""Each rule of the manual as a case of a bare kernel: what the handler saw, here and under QEMU.

All cases of a kind run in one image. QEMU 7.2 leaves RFLAGS.RF clear in the frame of a fault; where
it is no witness at all, the rule says why.
"""

from dataclasses import replace

import pytest

from hw.spec.registers import RFLAGS_RF
from tests.bare.legacy_rules import LEGACY_RULES
from tests.bare.rules import RULES, Rule
from tests.bare.state_rules import STATE_RULES
from tests.support import bare_kernel
from tests.support.bare_kernel import Record

ALL = (*RULES, *LEGACY_RULES, *STATE_RULES)
WITNESSED = [rule for rule in ALL if not rule.qemu_differs]
ALONE = [rule for rule in ALL if rule.qemu_differs]


@pytest.fixture(scope="module")
def witnessed() -> dict[int, Record]:
    """Our records of the rules that QEMU follows."""
    return bare_kernel.records(bare_kernel.run(bare_kernel.build([r.code for r in WITNESSED]))[0])


@pytest.fixture(scope="module")
def alone() -> dict[int, Record]:
    """Our records of the others."""
    return bare_kernel.records(bare_kernel.run(bare_kernel.build([r.code for r in ALONE]))[0])


@pytest.fixture(scope="module")
def qemu() -> dict[int, Record]:
    """QEMU's records."""
    if bare_kernel.QEMU is None:
        pytest.skip("qemu-system-x86_64 is not installed")
    return bare_kernel.records(bare_kernel.run_qemu(bare_kernel.build([r.code for r in WITNESSED])))


def _check(rule: Rule, record: Record) -> None:
    assert (record.vector, record.error) == (rule.vector, rule.error)
    if rule.rax is not None:
        assert record.rax == rule.rax


@pytest.mark.parametrize("number", range(len(WITNESSED)), ids=lambda n: WITNESSED[n].name)
def test_rule(witnessed: dict[int, Record], number: int) -> None:
    _check(WITNESSED[number], witnessed[number])


@pytest.mark.parametrize("number", range(len(ALONE)), ids=lambda n: ALONE[n].name)
def test_rule_that_only_the_manual_tells(alone: dict[int, Record], number: int) -> None:
    _check(ALONE[number], alone[number])


@pytest.mark.parametrize("number", range(len(WITNESSED)), ids=lambda n: WITNESSED[n].name)
def test_qemu_agrees(witnessed: dict[int, Record], qemu: dict[int, Record], number: int) -> None:
    ours = witnessed[number]
    assert replace(ours, rflags=ours.rflags & ~RFLAGS_RF) == qemu[number]

"""The table of exceptions excuses what it names, and nothing else."""

import struct

import pytest

from tests.differential import exceptions, forms, host, x87_state

_NAN, _OTHER_NAN = 0x7FC0_0001, 0xFFC0_0000


@pytest.fixture(params=[True, False], ids=["Intel", "AMD"])
def intel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whose processor the host pretends to have."""
    for module in (exceptions, x87_state):
        monkeypatch.setattr(module, "host_is_intel", lambda: request.param)
    return request.param


def test_every_row_is_about_a_form() -> None:
    for row in exceptions.TABLE:
        found = [name for name in forms.NAMES if exceptions.re.match(row.pattern, name)]
        assert found, row.pattern


def test_nans_of_a_dot_product(intel: bool) -> None:
    want, got = _NAN << 32 | 5, _OTHER_NAN << 32 | 5
    assert exceptions.same_half("DPPS_XMM_XMMM128_IMM8", want, got) is not intel
    assert not exceptions.same_half("ADDPS_XMM_XMMM128", want, got)
    assert not exceptions.same_half("DPPS_XMM_XMMM128_IMM8", want, got ^ 1)


def test_pointers_without_a_pending_exception(intel: bool) -> None:
    before = host.INITIAL_X87
    other = before[:8] + struct.pack("<Q", 0x1234) + before[16:]
    assert bool(x87_state.differences(before, other)) is intel
    pending = before[:2] + b"\x80\x80" + before[4:]
    assert x87_state.differences(pending, pending[:8] + other[8:])


def test_a_bit_scan_of_zero() -> None:
    assert exceptions.same_register("BSF_R32_RM32", 0x1234, 0x7_0000_1234)
    assert not exceptions.same_register("BSF_R32_RM32", 0x7_0000_1234, 0x1234)
    assert not exceptions.same_register("BSF_R64_RM64", 0x1234, 0x7_0000_1234)


def test_precision_beside_an_unmasked_overflow() -> None:
    overflow, precision, masks = 1 << 3, 1 << 5, 0x1F80
    assert exceptions.same_mxcsr(masks & ~(1 << 10) | overflow, masks & ~(1 << 10) | 0x28)
    assert not exceptions.same_mxcsr(masks | overflow, masks | overflow | precision)

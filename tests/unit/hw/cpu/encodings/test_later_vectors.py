"""Which handlers the encodings of SSE3 to SSE4.2 become."""

import pytest

from tests.support.decoded import micro_ops, names


@pytest.mark.parametrize("mode", range(16))
def test_rounding_modes_that_mean_the_same_share_a_handler(mode: int):
    handler = names(f"roundsd xmm1, xmm2, {mode}\nret")[0]
    assert handler == f"roundsd{mode if mode & 4 == 0 else mode & 12}_rr"


def test_immediates_that_mean_the_same_share_a_handler():
    assert names("mpsadbw xmm1, xmm2, 0xff\nret")[0] == "mpsadbw7_rr"
    assert micro_ops("pextrd eax, xmm1, 7\nret")[0].imm == 12
    assert micro_ops("pinsrb xmm1, eax, 0x11\nret")[0].imm == 1


def test_one_mnemonic_to_register_and_to_memory():
    assert names("pextrw eax, xmm1, 1\npextrw [rax], xmm1, 1\nret")[:2] == [
        "pextrw",
        "xmm_extract16_m",
    ]


def test_masked_store_takes_its_address_from_rdi():
    address, store = micro_ops("maskmovdqu xmm3, xmm5\nret")[:2]
    assert address.base == 7 * 8
    assert (store.a, store.b) == (3 * 16, 5 * 16)


def test_what_can_raise_an_exception_keeps_flags_alive():
    assert names("add eax, ebx\naddps xmm0, xmm1\ncmp eax, 1\nret")[0] == "add32_rr"
    assert names("add eax, ebx\npaddb xmm0, xmm1\ncmp eax, 1\nret")[0] == "add32_rr_nf"

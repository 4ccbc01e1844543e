"""Which handlers strings, exchanges and instructions without operands become."""

import pytest

from tests.support.decoded import micro_ops, names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("movsb\nrep movsq\nret", ["movs8", "rep_movs64", "ret"]),
        ("rep stosd\nlodsw\nret", ["rep_stos32", "lods16", "ret"]),
        ("repe cmpsb\nrepne scasd\nret", ["rep_cmps8", "repne_scas32", "ret"]),
        ("xadd eax, ebx\nlock xadd [rbx], eax\nret", ["xadd32_r", "lock_xadd32_m", "ret"]),
        ("cmpxchg [rbx], al\nret", ["cmpxchg8_m", "ret"]),
        ("lock cmpxchg8b [rbx]\ncmpxchg16b [rbx]\nret", ["lock_cmpxchg8b", "cmpxchg16b", "ret"]),
        ("pause\nprefetcht0 [rbx]\nendbr64\nmfence\nret", ["nop", "nop", "nop", "fence", "ret"]),
        ("rdtsc\nsyscall", ["rdtsc", "syscall"]),
        ("int3", ["int3"]),
        ("cpuid", ["cpuid"]),
    ],
)
def test_handlers(text: str, expected: list[str]):
    assert names(text) == expected


def test_the_address_size_prefix_masks_addresses_and_count():
    wide, narrow = micro_ops("rep movsb\naddr32 rep movsb\nret")[:2]
    assert (wide.disp, narrow.disp) == ((1 << 64) - 1, (1 << 32) - 1)


def test_only_a_source_has_a_segment():
    lods, stos = micro_ops("lodsb fs:[rsi]\nstosb\nret")[:2]
    assert lods.b != stos.b

"""Blocks of 16- and 32-bit code: their decoding, and what they do on a core."""

from hw import ram
from hw.cpu.decode import decode_block
from hw.cpu.state import MODE_CODE_32, MODE_LEGACY, MODE_STACK_32
from hw.cpu.vector_core import VectorCore

_32 = MODE_LEGACY | MODE_CODE_32 | MODE_STACK_32


def test_targets_count_from_the_code_segment() -> None:
    """A jump of 16-bit code wraps at 64 KiB of its segment."""
    built = decode_block(0x1F000, bytes.fromhex("e9fd0f"), 3, mode=MODE_LEGACY | 0x10000 << 32)
    assert built.targets == (0x10000, 0)


def test_block_begins_with_a_check_of_the_limit() -> None:
    built = decode_block(0x1000, bytes.fromhex("509058c3"), 4, mode=_32)
    code = built.finish()
    assert int.from_bytes(code[:2], "little") == built.number["code_limit"]
    assert int.from_bytes(code[8:16], "little") == 0x1003


def test_width_of_the_stack_is_that_of_its_segment() -> None:
    for mode, name in ((_32, "legacy_push32_r_s32"), (_32 & ~MODE_STACK_32, "legacy_push32_r_s16")):
        built = decode_block(0x1000, bytes.fromhex("50c3"), 2, mode=mode)
        assert built.ops[1][0] == built.number[name]


def test_calls_and_returns_run(protected: VectorCore) -> None:
    """call 1f; hlt; 1: push 7; pop eax; ret 4."""
    ram.write(0x1000, bytes.fromhex("68000000 00e801000000f4 6a0758c20400".replace(" ", "")))
    protected.run()
    state = protected.state
    assert (state.rax, state.rsp, state.rip, state.halted) == (7, 0x8000, 0x100B, 1)

"""A block under construction: whose flags are seen, what is packed, how it ends."""

import random

import pytest

from hw.cpu.block_builder import (
    BARRIER,
    COMPARE,
    LOGIC,
    NONE,
    PARTIAL,
    WRITES,
    BlockBuilder,
    bits_of,
)
from hw.cpu.micro_op import PACKED, PACKED_LINKS, SLOT, MicroOp
from hw.cpu.state import MODE_CODE_32, MODE_LEGACY

AT = 0x40_0FF0
#: No handler has this number or a higher one, so nothing is fused.
_UNKNOWN = 20_000
_EFFECTS = (
    NONE, BARRIER, WRITES, PARTIAL, WRITES | BARRIER, PARTIAL | BARRIER, WRITES | COMPARE,
    WRITES | LOGIC | BARRIER,
)  # fmt: skip


def handlers(built: BlockBuilder) -> list[int]:
    data = built.finish()
    return [PACKED.unpack_from(data, at)[0] for at in range(0, len(data) - SLOT, SLOT)]


def seen_from_behind(ops: list[tuple[int, int, int]]) -> list[int]:
    """Handlers of (handler, effect, handler without flags), found by going backwards."""
    chosen = []
    seen = True
    for number, effect, without in reversed(ops):
        is_dead = effect & (WRITES | PARTIAL) and not seen and without >= 0
        chosen.append(without if is_dead else number)
        seen = bool(effect & BARRIER) or (seen and not effect & WRITES)
    return chosen[::-1]


def test_flags_that_nobody_sees_are_not_written() -> None:
    rng = random.Random(1)
    for _ in range(300):
        ops = [
            (2 * number, rng.choice(_EFFECTS), rng.choice((-1, 2 * number + 1)))
            for number in range(_UNKNOWN, _UNKNOWN + rng.randrange(1, 19))
        ]
        built = BlockBuilder(AT)
        for number, effect, without in ops:
            built.emit(number, effect, without_flags=without)
        built.end(ops[-1][0])
        assert handlers(built) == seen_from_behind(ops)


def test_the_kind_of_the_last_flags_is_known() -> None:
    built = BlockBuilder(AT)
    for effect, kind in (
        (WRITES | COMPARE, COMPARE),
        (NONE, COMPARE),
        (BARRIER, COMPARE),
        (WRITES | LOGIC | BARRIER, LOGIC),
        (PARTIAL, NONE),
    ):
        built.emit(1, effect)
        assert built.compare == kind


def test_micro_ops_are_packed_as_handlers_read_them() -> None:
    built = BlockBuilder(AT)
    built.place = 0x1234
    built.emit(3, NONE, a=8, b=16, base=24, index=32, scale=2, imm=2**64 - 1, disp=2**63)
    built.emit(4, BARRIER)
    built.end(5, 0x40_0000, 2**64 + 7)
    data = built.finish()
    assert len(data) == 2 * SLOT + PACKED_LINKS.size
    first, ender = (MicroOp.from_buffer_copy((data + bytes(SLOT))[at:]) for at in (0, SLOT))
    fields = ("handler", "a", "b", "base", "index", "scale", "imm", "disp", "place")
    values = [getattr(first, name) for name in fields]
    assert values == [3, 8, 16, 24, 32, 2, 2**64 - 1, 2**63, 0x1234]
    assert ender.handler == 5
    assert (ender.link_0, ender.target_0, ender.link_1, ender.target_1) == (0, 0x40_0000, 0, 7)


@pytest.mark.parametrize(
    ("target", "far", "name"),
    [(AT + 4, False, "jmp"), (AT + 4, True, "jmp_far"), (AT + 16, False, "jmp_far")],
)
def test_going_on_stays_in_the_page_or_is_far(target: int, far: bool, name: str) -> None:
    built = BlockBuilder(AT)
    built.emit(1, NONE)
    built.position = 1
    built.fall_through(target, far=far)
    assert built.ended
    assert handlers(built)[-1] == built.number[name]
    assert built.targets[0] == target


def test_a_straddling_block_links_to_nothing() -> None:
    built = BlockBuilder(AT)
    assert built.stays(AT, AT + 8)
    built.single_page = False
    assert not built.stays(AT)


def test_outside_64_bit_mode_a_block_begins_with_its_limit() -> None:
    mode = MODE_LEGACY | MODE_CODE_32 | 0x10_0000 << 32
    built = BlockBuilder(0x10_0010, mode)
    built.begin_checked()
    built.next_rip = 0x10_0015
    built.emit(1, BARRIER)
    built.end(1, built.linear(0xFFFF_FFFF))
    assert handlers(built)[0] == built.number["code_limit"]
    assert MicroOp.from_buffer_copy(built.finish()).imm == 0x14  # its last byte, in the segment
    assert built.targets[0] == 0xF_FFFF
    assert BlockBuilder(AT).linear(2**40) == 2**40


def test_bits_of_modes() -> None:
    assert [bits_of(m) for m in (0, MODE_CODE_32, MODE_LEGACY, MODE_LEGACY | MODE_CODE_32)] == [
        64, 64, 16, 32,
    ]  # fmt: skip

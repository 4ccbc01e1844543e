"""The layout that handlers read is what the decoder packs."""

from hw.cpu.micro_op import INVARIANT, PACKED, PACKED_LINKS, SLOT, MicroOp, handler_numbers

_VALUES = (0x1234, 1, 2, 3, 4, 5, 6, 7 << 56, 8 << 56, 9 << 56)
_LINKS = (10 << 56, 11, 12, 13)
_FIELDS = ("handler", "a", "b", "base", "index", "scale", "spare", "imm", "disp", "place",
           "link_0", "target_0", "link_1", "target_1")  # fmt: skip


def test_packed_fields_stand_where_the_layout_has_them():
    op = MicroOp.from_buffer_copy(PACKED.pack(*_VALUES) + PACKED_LINKS.pack(*_LINKS))
    assert tuple(getattr(op, name) for name in _FIELDS) == _VALUES + _LINKS
    assert PACKED.size == PACKED_LINKS.size == SLOT == MicroOp.SIZE // 2


def test_links_are_what_changes():
    assert {"link_0", "link_1", "spare"} == set(_FIELDS) - INVARIANT


def test_handlers_of_a_block_without_its_links():
    ops = [PACKED.pack(number, *_VALUES[1:]) for number in (5, 9, 5)]
    assert handler_numbers(b"".join(ops) + PACKED_LINKS.pack(*_LINKS)) == {5, 9}

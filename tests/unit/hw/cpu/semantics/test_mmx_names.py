"""The shapes are disjoint, and every name is an instruction that iced knows with MMX registers."""

from iced_x86 import Code

from hw.cpu.semantics import mmx_names


def test_every_name_is_an_mmx_instruction() -> None:
    shapes = (
        mmx_names.PLAIN, mmx_names.JOINED, mmx_names.UNPACK_LOW, mmx_names.UNPACK_HIGH,
        mmx_names.SHIFTS, tuple(mmx_names.FROM_MMX), tuple(mmx_names.TO_MMX),
    )  # fmt: skip
    names = [name for shape in shapes for name in shape]
    assert len(set(names)) == len(names)
    known = {code.partition("_")[0] for code in vars(Code) if "_MM_" in code or "_MMM" in code}
    assert {name.upper() for name in names} <= known

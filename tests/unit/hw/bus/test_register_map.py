"""Partial and spanning access against plain bytes."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from hw.bus.register_map import Register, RegisterMap

SIZES = {0: 4, 4: 1, 6: 2, 8: 8, 16: 4, 20: 4}
LENGTH = 24


class Bank:
    """Registers over a dictionary."""

    def __init__(self) -> None:
        self.values = dict.fromkeys(SIZES, 0)


def make_map() -> RegisterMap[Bank]:
    def reader(offset: int) -> Callable[[Bank], int]:
        return lambda bank: bank.values[offset]

    def writer(offset: int) -> Callable[[Bank, int], None]:
        return lambda bank, value: bank.values.__setitem__(offset, value)

    return RegisterMap([Register(o, s, reader(o), writer(o)) for o, s in SIZES.items()])


ACCESS = st.tuples(
    st.booleans(),
    st.integers(0, LENGTH - 1),
    st.sampled_from([1, 2, 4, 8]),
    st.integers(0, (1 << 64) - 1),
)


@given(st.lists(ACCESS, max_size=30))
def test_behaves_like_bytes_with_holes(steps: list[tuple[bool, int, int, int]]):
    bank, registers = Bank(), make_map()
    model = bytearray(LENGTH + 8)
    covered = {o + i for o, s in SIZES.items() for i in range(s)}
    for is_write, offset, size, value in steps:
        if is_write:
            data = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
            registers.write(bank, offset, size, int.from_bytes(data, "little"))
            for index, byte in enumerate(data, start=offset):
                if index in covered:
                    model[index] = byte
        expected = int.from_bytes(model[offset : offset + size], "little")
        assert registers.read(bank, offset, size) == expected


def test_exact_access_calls_the_register_once():
    calls = []
    registers = RegisterMap[None]([Register(0, 4, None, lambda _, value: calls.append(value))])
    registers.write(None, 0, 4, 7)
    assert calls == [7]
    assert registers.read(None, 0, 4) == 0

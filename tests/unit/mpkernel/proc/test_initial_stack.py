"""The first stack of a program, read back as a C library would read it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpkernel.abi import elf
from mpkernel.abi.errno import Errno, SysError
from mpkernel.proc import initial_stack
from mpkernel.proc.initial_stack import STACK_TOP, StackPlan

texts = st.lists(st.binary(max_size=40).map(lambda text: text.replace(b"\0", b"")), max_size=20)


def plan(arguments: list[bytes], environment: list[bytes]) -> StackPlan:
    return StackPlan(b"/bin/it", arguments, environment, 0x400040, 7, 0x401000, 0, b"R" * 16, 0x55)


class Memory:
    """A stack as bytes at its address."""

    def __init__(self, rsp: int, data: bytes) -> None:
        assert rsp + len(data) == STACK_TOP
        self.rsp, self.data = rsp, data

    def word(self, at: int) -> int:
        return int(struct.unpack_from("<Q", self.data, at - self.rsp)[0])

    def text(self, at: int) -> bytes:
        start = at - self.rsp
        return self.data[start : self.data.index(b"\0", start)]

    def strings(self, at: int) -> tuple[list[bytes], int]:
        found = []
        while pointer := self.word(at):
            found.append(self.text(pointer))
            at += 8
        return found, at + 8


@given(texts, texts)
def test_read_back(arguments: list[bytes], environment: list[bytes]) -> None:
    rsp, data = initial_stack.build(plan(arguments, environment))
    assert rsp % 16 == 0
    memory = Memory(rsp, data)
    assert memory.word(rsp) == len(arguments)
    found, at = memory.strings(rsp + 8)
    assert found == arguments
    found, at = memory.strings(at)
    assert found == environment
    vector = {}
    while kind := memory.word(at):
        vector[kind] = memory.word(at + 8)
        at += 16
    assert vector[elf.AT_PHDR] == 0x400040
    assert vector[elf.AT_PHNUM] == 7
    assert vector[elf.AT_ENTRY] == 0x401000
    assert memory.text(vector[elf.AT_EXECFN]) == b"/bin/it"
    assert memory.text(vector[elf.AT_PLATFORM]) == b"x86_64"
    random = vector[elf.AT_RANDOM] - rsp
    assert data[random : random + 16] == b"R" * 16


def test_too_large_is_refused() -> None:
    initial_stack.check_size([b"a" * 1000] * 1000, [])
    for arguments in ([b"a" * initial_stack.STRING_LIMIT], [b"a" * 1000] * 3000):
        with pytest.raises(SysError) as caught:
            initial_stack.check_size([b"x"], arguments)
        assert caught.value.errno == Errno.E2BIG

"""FXSAVE and FXRSTOR: what is stored comes back; alignment; reserved bits of MXCSR."""

import struct

from hw.cpu.exits import CpuException
from tests.differential.assembly import assemble
from tests.differential.guest import Guest
from tests.differential.host import CODE, DATA
from tests.support.x87_run import execute


def test_there_and_back(guest: Guest) -> None:
    text = """fldpi\nfld1\nmovq xmm3, [rbx + 1024]\nfxsave [rbx]\nfninit\npxor xmm3, xmm3
        fxrstor [rbx]"""
    state = execute(guest, text, bytes(1024) + b"abcdefgh")
    assert (state.fpu_status, state.fpu_tags) == (6 << 11, 0b1100_0000)
    assert list(state.x87[12:]) == [1 << 63, 0x3FFF, 0xC90F_DAA2_2168_C235, 0x4000]
    assert state.xmm[6].to_bytes(8, "little") == b"abcdefgh"
    image = guest.data()
    assert image[:5] == bytes.fromhex("7f030030c0")
    assert image[32:42] == struct.pack("<QH", 1 << 63, 0x3FFF), "ST(0) comes first"


def test_refusals(guest: Guest) -> None:
    state = execute(guest, "fxsave [rbx]")
    for address, mxcsr in ((DATA + 8, 0x1F80), (DATA, 0x1_1F80)):
        image = bytearray(guest.data())
        image[24:28] = struct.pack("<I", mxcsr)
        guest.put_data(bytes(image))
        guest.put_code(64, assemble("fxrstor [rbx]"))
        state.rip, state.rbx = CODE + 64, address
        assert guest.core.run() == CpuException(13, 0)

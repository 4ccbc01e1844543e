"""Runs the same machine code on a core of ours, and through its plain-Python oracle."""

import ctypes
from typing import Any

from hw import ram
from hw.cpu import oracle, threaded
from hw.cpu.core import Core
from hw.cpu.decode import decode_block
from hw.cpu.exits import CpuException, IllegalInstruction, PageFault
from hw.cpu.state import CORES
from hw.spec.memory_map import MIB
from hw.spec.paging import PTE_PRESENT, PTE_USER, PTE_WRITABLE
from tests.differential import x87_state
from tests.differential.host import CODE, CODE_SIZE, DATA, DATA_SIZE, INITIAL_X87

#: Where the page tables begin: the address space that the tests run in.
CR3 = 4 * MIB
CODE_FRAMES = 16 * MIB
DATA_FRAMES = 8 * MIB
_ALL = PTE_PRESENT | PTE_WRITABLE | PTE_USER


class Guest:
    """A machine with one core, code and data mapped where the host has them."""

    CODE_FRAMES = CODE_FRAMES
    DATA_FRAMES = DATA_FRAMES

    def __init__(self) -> None:
        self.files = ram.create(64 * MIB)
        self._next_table = CR3 + 4096
        self.map(DATA, DATA_FRAMES, DATA_SIZE)
        self.map(CODE, CODE_FRAMES, CODE_SIZE)
        self.core = Core(0)
        self.core.set_address_space(CR3)

    def close(self) -> None:
        """Give the memory back."""
        ram.close(self.files)

    def map(self, address: int, frame: int, size: int, bits: int = _ALL) -> None:
        """Map pages."""
        for offset in range(0, size, 4096):
            table = CR3
            for shift in (39, 30, 21):
                entry = ram.words(table, 512)
                index = (address + offset) >> shift & 511
                if not entry[index]:
                    entry[index] = self._next_table | _ALL
                    self._next_table += 4096
                table = entry[index] & ~0xFFF
            ram.words(table, 512)[(address + offset) >> 12 & 511] = (frame + offset) | bits

    def put_code(self, offset: int, code: bytes) -> None:
        """Write code."""
        ram.write(CODE_FRAMES + offset, code)

    def put_data(self, data: bytes) -> None:
        """Write the data."""
        ram.write(DATA_FRAMES, data)

    def data(self) -> bytes:
        """Read the data."""
        return ram.read(DATA_FRAMES, DATA_SIZE)

    def run(
        self,
        code_at: int,
        gpr: list[int],
        rflags: int,
        xmm: list[int] | None = None,
        mxcsr: int = 0x1F80,
        x87: bytes = INITIAL_X87,
    ) -> dict[str, Any]:
        """Run code that ends by UD2; registers, flags and fault as the host reports them."""
        state = self.core.state
        state.gpr[:] = gpr
        state.rflags, state.flag_kind, state.rip = rflags, 0, code_at
        state.xmm[:] = xmm or [0] * 32
        state.mxcsr = mxcsr
        x87_state.put(state, x87)
        before = state.instructions
        end = self.core.run()
        result = self._result(end, state)
        result["count"] = state.instructions - before
        return result

    def _result(self, end: Any, state: Any) -> dict[str, Any]:
        result = {"gpr": list(state.gpr), "rflags": state.rflags, "signal": 0, "rip": state.rip}
        result |= {"xmm": list(state.xmm), "mxcsr": state.mxcsr, "x87": x87_state.get(state)}
        match end:
            case IllegalInstruction(mnemonic="ud2"):
                pass
            case IllegalInstruction():
                result |= {"signal": 4, "trap": 6, "error": 0}
            case PageFault(address, error):
                result |= {"signal": 11, "trap": 14, "error": error, "cr2": address}
            case CpuException(vector, error):
                result |= {
                    "signal": 8 if vector in (0, 16, 19) else 11,
                    "trap": vector,
                    "error": error,
                }
            case _:
                result |= {"signal": -1, "trap": end}
        return result

    def run_oracle(self, code_at: int, code: bytes, start: Any) -> dict[str, Any]:
        """The same through plain Python, on the same memory."""
        state = CORES[1]
        ctypes.memmove(ctypes.addressof(state), ctypes.addressof(CORES[0]), 1024)
        state.windows = state.bank = 0
        threaded.load().flush_all(ctypes.addressof(state))
        state.gpr[:], state.xmm[:], state.mxcsr = start.gpr, start.xmm, start.mxcsr
        x87_state.put(state, start.x87)
        state.rflags, state.flag_kind, state.rip, state.single = start.rflags, 0, code_at, 1
        built = decode_block(code_at, code, len(code), 1).finish()
        buffer = ctypes.create_string_buffer(built, len(built))
        reason = oracle.run_block(state, ctypes.addressof(buffer))
        ends = {2: PageFault(state.cr2, state.exit_error), 0: IllegalInstruction("ud2", 0),
                3: CpuException(state.exit_vector, state.exit_error)}  # fmt: skip
        return self._result(ends.get(reason, reason), state)

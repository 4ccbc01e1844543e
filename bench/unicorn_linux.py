"""The least of Linux around Unicorn, for a static integer program: the peer of bench.instructions.

It loads the ELF's segments, makes a stack of arguments, and serves the few calls that the programs
of guests/user make. Unicorn is what a Python user would otherwise run a Linux binary in.
"""

import sys
import time
from pathlib import Path
from typing import Any, Final

import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import x86_const

PAGE: Final = 4096
STACK_TOP: Final = 0x7FFF_0000_0000
STACK_SIZE: Final = 1 << 20
HEAP_SIZE: Final = 1 << 28
MMAP_BASE: Final = 0x5000_0000_0000

READ, WRITE, MMAP, BRK, EXIT, ARCH_PRCTL, EXIT_GROUP = 0, 1, 9, 12, 60, 158, 231
ENOSYS: Final = 38


class Program:
    """One run of one program."""

    def __init__(self, path: Path, arguments: list[str]) -> None:
        self._engine: Any = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        self._next_map = MMAP_BASE
        self.output = bytearray()
        with path.open("rb") as file:
            elf = ELFFile(file)
            self._entry = elf["e_entry"]
            self._brk = self._heap_start = self._load(elf)
        self._engine.mem_map(self._heap_start, HEAP_SIZE)
        self._make_stack([path.name, *arguments])
        self._engine.hook_add(
            unicorn.UC_HOOK_INSN, self._on_syscall, None, 1, 0, x86_const.UC_X86_INS_SYSCALL
        )

    def _load(self, elf: Any) -> int:
        """Map the segments; return the first page behind them."""
        end = 0
        for segment in elf.iter_segments("PT_LOAD"):
            start, size = segment["p_vaddr"], segment["p_memsz"]
            first, last = start // PAGE * PAGE, -(-(start + size) // PAGE) * PAGE
            self._engine.mem_map(max(first, end), last - max(first, end))
            self._engine.mem_write(start, segment.data())
            end = last
        return end

    def _make_stack(self, arguments: list[str]) -> None:
        self._engine.mem_map(STACK_TOP - STACK_SIZE, STACK_SIZE)
        at = STACK_TOP - PAGE
        words = [len(arguments)]
        for argument in arguments:
            data = argument.encode() + b"\0"
            self._engine.mem_write(at, data)
            words.append(at)
            at += len(data)
        words += [0, 0, 0, 0]  # the ends of argv, of envp, of auxv
        stack = STACK_TOP - 2 * PAGE
        self._engine.mem_write(stack, b"".join(word.to_bytes(8, "little") for word in words))
        self._engine.reg_write(x86_const.UC_X86_REG_RSP, stack)

    def _on_syscall(self, engine: Any, _context: object) -> None:
        call = engine.reg_read(x86_const.UC_X86_REG_RAX)
        argument = engine.reg_read(x86_const.UC_X86_REG_RDI)
        size = engine.reg_read(x86_const.UC_X86_REG_RDX)
        result = -ENOSYS
        if call in (EXIT, EXIT_GROUP):
            engine.emu_stop()
        elif call == WRITE:
            self.output += engine.mem_read(engine.reg_read(x86_const.UC_X86_REG_RSI), size)
            result = size
        elif call == BRK:
            if self._heap_start <= argument <= self._heap_start + HEAP_SIZE:
                self._brk = argument
            result = self._brk
        elif call == MMAP:
            pages = -(-engine.reg_read(x86_const.UC_X86_REG_RSI) // PAGE) * PAGE
            engine.mem_map(self._next_map, pages)
            result = self._next_map
            self._next_map += pages
        engine.reg_write(x86_const.UC_X86_REG_RAX, result & (1 << 64) - 1)

    def run(self) -> float:
        """Run to the end; return the seconds it took."""
        began = time.perf_counter()
        self._engine.emu_start(self._entry, 0)
        return time.perf_counter() - began


if __name__ == "__main__":
    program = Program(Path(sys.argv[1]), sys.argv[2:])
    seconds = program.run()
    first = bytes(program.output[:20]).split(b" ")[0].decode(errors="replace")
    sys.stdout.write(f"{seconds:.6f} s, {len(program.output)} bytes, cycles {first}\n")

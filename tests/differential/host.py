"""Runs machine code on the host CPU: the oracle of instruction semantics.

A trampoline loads registers and flags from a record, jumps to the code, and stores them when the
code jumps back; faults come back through a signal handler that reads them from the signal's
context. It all happens in a forked child, so a wild instruction kills nobody. The trampoline is
assembled by LLVM, so no assembler is needed.
"""

import ctypes
import mmap
import os
import pickle
import signal
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm

#: Where code and data stand, on the host and in the guest alike.
CODE = 0x3000_0000
DATA = 0x2000_0000
DATA_SIZE = 0x2000  # two pages; the third is not mapped
CODE_SIZE = 0x40_0000
#: The trampoline's record, and the FXSAVE image that it exchanges with the host.
RECORD = 0x1000_0000
IMAGE = RECORD + 0x800
IMAGE_SIZE = 512

_ORDER = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
          *(f"r{n}" for n in range(8, 16))]  # fmt: skip
#: Where each register stands in the kernel's signal context, in words from uc_mcontext.
_CONTEXT = {"r8": 0, "r9": 1, "r10": 2, "r11": 3, "r12": 4, "r13": 5, "r14": 6, "r15": 7, "rdi": 8,
            "rsi": 9, "rbp": 10, "rbx": 11, "rdx": 12, "rax": 13, "rcx": 14, "rsp": 15, "rip": 16,
            "rflags": 17, "error": 19, "trap": 20, "cr2": 22}  # fmt: skip

#: The part of an FXSAVE image that is x87: FNINIT's control word, all registers empty.
INITIAL_X87 = b"\x7f\x03".ljust(24, b"\0") + b"\x80\x1f".ljust(136, b"\0")


class Record(ctypes.Structure):
    """What the trampoline loads and stores."""

    _fields_ = [
        ("gpr", ctypes.c_uint64 * 16), ("rflags", ctypes.c_uint64), ("target", ctypes.c_uint64),
        ("host_rsp", ctypes.c_uint64), ("signal", ctypes.c_uint64), ("error", ctypes.c_uint64),
        ("trap", ctypes.c_uint64), ("cr2", ctypes.c_uint64), ("rip", ctypes.c_uint64),
        ("mxcsr", ctypes.c_uint64), ("host_mxcsr", ctypes.c_uint64), ("xmm", ctypes.c_uint64 * 32),
    ]  # fmt: skip


def _assembly() -> str:
    """Enter at ``enter``; the code under test jumps to ``back``."""
    record = RECORD
    at = {name: record + 8 * k for k, name in enumerate(_ORDER)}
    flags, target, host = (
        record + Record.__dict__[f].offset for f in ("rflags", "target", "host_rsp")
    )
    load = "\n".join(f"movq {at[r]}, %{r}" for r in _ORDER)
    save = "\n".join(f"movq %{r}, {at[r]}" for r in _ORDER if r != "rsp")
    context = "\n".join(
        f"movq {40 + 8 * _CONTEXT[r]}(%rdx), %rax\nmovq %rax, {at[r]}" for r in _ORDER
    )
    more = "\n".join(
        f"movq {40 + 8 * _CONTEXT[f]}(%rdx), %rax\nmovq %rax, {record + Record.__dict__[f].offset}"
        for f in ("rflags", "error", "trap", "cr2", "rip")
    )
    mxcsr, host_mxcsr, xmm = (
        record + Record.__dict__[f].offset for f in ("mxcsr", "host_mxcsr", "xmm")
    )
    load_vectors = "\n".join(f"movdqu {xmm + 16 * n}, %xmm{n}" for n in range(16))
    save_vectors = "\n".join(f"movdqu %xmm{n}, {xmm + 16 * n}" for n in range(16))
    context_image = "\n".join(
        f"movq {n}(%rcx), %rax\nmovq %rax, {IMAGE + n}" for n in range(0, 160, 8)
    )
    context_vectors = "\n".join(
        f"movq {160 + 8 * n}(%rcx), %rax\nmovq %rax, {xmm + 8 * n}" for n in range(32)
    )
    return f"""
.globl enter
enter:
 pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15
 movq %rsp, {host}
 stmxcsr {host_mxcsr}
 fxrstor64 {IMAGE}
 ldmxcsr {mxcsr}
 {load_vectors}
 pushq {flags}
 popfq
 {load}
 jmpq *{target}
.globl back
back:
 movq %rsp, {at["rsp"]}
 movq {host}, %rsp
 {save}
 pushfq
 popq {flags}
 {save_vectors}
 stmxcsr {mxcsr}
 fxsave64 {IMAGE}
finish:
 fninit
 ldmxcsr {host_mxcsr}
 cld
 pushq $0x202
 popfq
 popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx
 retq
.globl on_signal
on_signal:
 movq %rdi, {record + Record.__dict__["signal"].offset}
 {context}
 {more}
 movq 224(%rdx), %rcx
 {context_vectors}
 {context_image}
 movl 24(%rcx), %eax
 movl %eax, {mxcsr}
 leaq finish(%rip), %rax
 movq %rax, {40 + 8 * 16}(%rdx)
 movq {host}, %rax
 movq %rax, {40 + 8 * 15}(%rdx)
 movq $0x202, {40 + 8 * 17}(%rdx)
 retq
"""


class Host:
    """The trampoline, in the child."""

    def __init__(self) -> None:
        _map(DATA, DATA_SIZE, 3)
        _map(CODE, CODE_SIZE, 7)
        self.record = Record.from_address(_map(RECORD, 4096, 3))
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        llvm.initialize_native_asmparser()
        text = _assembly().replace("\n", "\\0A").replace('"', "\\22")
        getters = "".join(
            f"declare void @{name}()\ndefine ptr @{name}_at() {{\n ret ptr @{name}\n}}\n"
            for name in ("enter", "back", "on_signal")
        )
        module = llvm.parse_assembly(f'module asm "{text}"\n{getters}')
        machine = llvm.Target.from_default_triple().create_target_machine(reloc="static", jit=True)
        self.engine = llvm.create_mcjit_compiler(module, machine)
        self.engine.finalize_object()
        self.back = self._address("back_at")
        self.enter = ctypes.PYFUNCTYPE(None)(self._address("enter_at"))
        _install(self._address("on_signal_at"))

    def _address(self, getter: str) -> int:
        found: int = ctypes.CFUNCTYPE(ctypes.c_uint64)(self.engine.get_function_address(getter))()
        return found

    def run(
        self,
        code_at: int,
        gpr: list[int],
        rflags: int,
        xmm: list[int] | None = None,
        mxcsr: int = 0x1F80,
        x87: bytes = INITIAL_X87,
    ) -> dict[str, Any]:
        """Run code that ends by a jump to ``back``; registers, flags and fault afterwards."""
        record = self.record
        record.gpr[:] = gpr
        record.rflags, record.target, record.signal = rflags, code_at, 0
        record.xmm[:] = xmm or [0] * 32
        record.mxcsr = mxcsr
        image = x87.ljust(IMAGE_SIZE, b"\0")
        ctypes.memmove(IMAGE, image, len(image))
        self.enter()
        result = {
            "gpr": list(record.gpr),
            "rflags": record.rflags,
            "signal": record.signal,
            "xmm": list(record.xmm),
            "mxcsr": record.mxcsr,
            "x87": ctypes.string_at(IMAGE, len(INITIAL_X87)),
        }
        if record.signal:
            result |= {
                "trap": record.trap,
                "error": record.error,
                "cr2": record.cr2,
                "rip": record.rip,
            }
        return result


def _map(address: int, size: int, protection: int) -> int:
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_uint64
    libc.mmap.argtypes = [ctypes.c_uint64, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x10_0000
    got: int = libc.mmap(address, size, protection, flags, -1, 0)
    assert got == address
    return got


def _install(handler: int) -> None:
    """Handle faults on a stack of their own."""
    libc = ctypes.CDLL(None)
    stack = ctypes.create_string_buffer(1 << 16)
    _install.__dict__["stack"] = stack
    libc.sigaltstack((ctypes.c_uint64 * 3)(ctypes.addressof(stack), 0, len(stack)), None)
    action = (ctypes.c_uint64 * 19)(handler)
    action[17] = 0x4 | 0x0800_0000 | 0x4000_0000  # SA_SIGINFO | SA_ONSTACK | SA_NODEFER
    for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP):
        assert libc.sigaction(int(number), action, None) == 0


def in_child(work: Callable[[], Any], timeout_s: int = 100) -> Any:
    """The result of ``work``, done in a forked child that may die."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(timeout_s)
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(work(), pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the host child died with status {status}"
    return pickle.loads(data)

"""Signals: their numbers, what they do by default, and what stands on a handler's stack.

    high  +------------------+
          | FloatState (512) |  64-byte aligned
          +------------------+
          | SigInfo          |
          | UserContext      |  registers, old mask
          | return address   |  the action's restorer, which calls rt_sigreturn
    rsp ->+------------------+  rsp + 8 is 16-byte aligned, as after a call

Spec: Linux arch/x86/include/uapi/asm/{signal,sigcontext,ucontext}.h, siginfo.h.
State: none. Context: any.
"""

import ctypes
from enum import IntEnum
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, i32, layout, u16, u32, u64


class Signal(IntEnum):
    """Signal numbers."""

    SIGHUP = 1
    SIGINT = 2
    SIGQUIT = 3
    SIGILL = 4
    SIGTRAP = 5
    SIGABRT = 6
    SIGBUS = 7
    SIGFPE = 8
    SIGKILL = 9
    SIGUSR1 = 10
    SIGSEGV = 11
    SIGUSR2 = 12
    SIGPIPE = 13
    SIGALRM = 14
    SIGTERM = 15
    SIGSTKFLT = 16
    SIGCHLD = 17
    SIGCONT = 18
    SIGSTOP = 19
    SIGTSTP = 20
    SIGTTIN = 21
    SIGTTOU = 22
    SIGURG = 23
    SIGXCPU = 24
    SIGXFSZ = 25
    SIGVTALRM = 26
    SIGPROF = 27
    SIGWINCH = 28
    SIGIO = 29
    SIGPWR = 30
    SIGSYS = 31


#: Signals are 1 to SIGNAL_COUNT.
SIGNAL_COUNT: Final = 64


def bit(signal: int) -> int:
    """The signal's bit in a set of signals."""
    return 1 << (signal - 1)


def name_of(signal: int) -> str:
    """Name for people."""
    return Signal(signal).name if signal < 32 else f"SIGRT{signal}"


def _set(*signals: int) -> int:
    return sum(bit(signal) for signal in signals)


IGNORED_BY_DEFAULT: Final = _set(Signal.SIGCHLD, Signal.SIGCONT, Signal.SIGURG, Signal.SIGWINCH)
STOPS_BY_DEFAULT: Final = _set(Signal.SIGSTOP, Signal.SIGTSTP, Signal.SIGTTIN, Signal.SIGTTOU)
#: Cannot be caught, blocked or ignored.
UNSTOPPABLE: Final = _set(Signal.SIGKILL, Signal.SIGSTOP)
#: Raised by the task's own instructions.
SYNCHRONOUS: Final = _set(
    Signal.SIGSEGV, Signal.SIGBUS, Signal.SIGILL, Signal.SIGFPE, Signal.SIGTRAP, Signal.SIGSYS
)

SIG_DFL: Final = 0
SIG_IGN: Final = 1

SIG_BLOCK: Final = 0
SIG_UNBLOCK: Final = 1
SIG_SETMASK: Final = 2

SA_NOCLDSTOP: Final = 1
SA_NOCLDWAIT: Final = 2
SA_SIGINFO: Final = 4
SA_RESTORER: Final = 0x04000000
SA_ONSTACK: Final = 0x08000000
SA_RESTART: Final = 0x10000000
SA_NODEFER: Final = 0x40000000
SA_RESETHAND: Final = 0x80000000

SS_ONSTACK: Final = 1
SS_DISABLE: Final = 2
MINSIGSTKSZ: Final = 2048

SI_USER: Final = 0
SI_KERNEL: Final = 0x80
SI_TKILL: Final = -6
CLD_EXITED: Final = 1
CLD_KILLED: Final = 2
CLD_STOPPED: Final = 5
CLD_CONTINUED: Final = 6
SEGV_MAPERR: Final = 1
SEGV_ACCERR: Final = 2
BUS_ADRALN: Final = 1
BUS_ADRERR: Final = 2
ILL_ILLOPN: Final = 2
FPE_INTDIV: Final = 1
FPE_FLTDIV: Final = 3
FPE_FLTOVF: Final = 4
FPE_FLTUND: Final = 5
FPE_FLTRES: Final = 6
FPE_FLTINV: Final = 7
TRAP_BRKPT: Final = 1
TRAP_TRACE: Final = 2


@layout(size=32)
class SignalAction(Layout):
    """struct kernel_sigaction: what a signal does."""

    handler: u64  #: SIG_DFL, SIG_IGN, or a user address
    flags: u64  #: SA_*
    restorer: u64
    mask: u64  #: blocked while the handler runs, besides the signal itself


@layout(size=128)
class SigInfo(Layout):
    """siginfo_t; for faults, ``value`` of the wire is si_addr and stands at the pid's place."""

    si_signo: i32
    si_errno: i32
    si_code: i32
    reserved_0x00c: u32
    fields: Annotated[Any, ctypes.c_uint32 * 28]


@layout(size=24)
class SignalStack(Layout):
    """stack_t."""

    ss_sp: u64
    ss_flags: i32
    reserved_0x00c: u32
    ss_size: u64


@layout(size=256)
class SignalRegisters(Layout):
    """struct sigcontext."""

    r8: u64
    r9: u64
    r10: u64
    r11: u64
    r12: u64
    r13: u64
    r14: u64
    r15: u64
    rdi: u64
    rsi: u64
    rbp: u64
    rbx: u64
    rdx: u64
    rax: u64
    rcx: u64
    rsp: u64
    rip: u64
    rflags: u64
    cs: u16
    gs: u16
    fs: u16
    ss: u16
    err: u64
    trapno: u64
    oldmask: u64
    cr2: u64
    fpstate: u64  #: user address of the FloatState
    reserved_0x0c0: Annotated[Any, ctypes.c_uint64 * 8]


#: The general registers and rip by the names that SignalRegisters and the core share.
REGISTER_NAMES: Final = (
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    "rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip",
)  # fmt: skip


@layout(size=304)
class UserContext(Layout):
    """struct ucontext."""

    uc_flags: u64
    uc_link: u64
    uc_stack: SignalStack
    registers: SignalRegisters
    uc_sigmask: u64


#: uc_flags: the SS that stands in the frame is to be trusted.
UC_SIGCONTEXT_SS: Final = 2
UC_STRICT_RESTORE_SS: Final = 4


@layout(size=440)
class SignalFrame(Layout):
    """struct rt_sigframe."""

    return_address: u64
    context: UserContext
    info: SigInfo


@layout(size=512)
class FloatState(Layout):
    """The FXSAVE image."""

    control: u16
    status: u16
    tags: u16  #: bit n: Rn is not empty
    opcode: u16
    instruction: u64
    data: u64
    mxcsr: u32
    mxcsr_mask: u32
    x87: Annotated[Any, ctypes.c_uint64 * 16]
    xmm: Annotated[Any, ctypes.c_uint64 * 32]
    reserved_0x1a0: Annotated[Any, ctypes.c_uint8 * 96]


MXCSR_MASK: Final = 0xFFFF

"""Signals and the frames of their handlers are the host's."""

import signal as host

import pytest

from mpkernel.abi import signal
from mpkernel.abi.signal import Signal
from tests.support.host_headers import differing, misplaced, values

HEADERS = ["asm/signal.h", "asm/siginfo.h", "asm/sigcontext.h", "asm/ucontext.h"]
#: Sets, and what no header for programs names.
OWN = {
    "IGNORED_BY_DEFAULT", "STOPS_BY_DEFAULT", "UNSTOPPABLE", "SYNCHRONOUS", "SIGNAL_COUNT",
    "MXCSR_MASK", "SIG_DFL", "SIG_IGN",
}  # fmt: skip
#: Where they stand has changed between headers of the kernel: the C library's are asked.
ALTERNATE = {"SS_ONSTACK", "SS_DISABLE"}


def test_numbers_are_the_hosts():
    for one in Signal:
        assert one.value == getattr(host, one.name)
    assert host.SIGRTMAX == signal.SIGNAL_COUNT


def test_constants_are_the_hosts():
    assert not differing(signal, HEADERS, without=OWN | ALTERNATE)
    others = {name for name in vars(signal) if name not in ALTERNATE}
    assert not differing(signal, ["signal.h"], without=others)
    assert int(host.SIG_DFL) == signal.SIG_DFL
    assert int(host.SIG_IGN) == signal.SIG_IGN


@pytest.mark.parametrize(
    ("layout", "c_type", "names"),
    [
        (
            signal.SignalAction,
            "struct sigaction",
            {
                "handler": "sa_handler",
                "flags": "sa_flags",
                "restorer": "sa_restorer",
                "mask": "sa_mask",
            },
        ),
        (signal.SignalStack, "stack_t", {}),
        (signal.SignalRegisters, "struct sigcontext", {"rflags": "eflags"}),
        (signal.UserContext, "struct ucontext", {"registers": "uc_mcontext"}),
        (
            signal.FloatState,
            "struct _fpstate_64",
            {
                "control": "cwd",
                "status": "swd",
                "tags": "twd",
                "opcode": "fop",
                "instruction": "rip",
                "data": "rdp",
                "x87": "st_space",
                "xmm": "xmm_space",
            },
        ),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_structures_are_laid_out_as_the_hosts(layout, c_type, names):
    assert not misplaced(layout, c_type, HEADERS, names)


def test_what_a_signal_tells_stands_where_the_host_has_it():
    asked = ["sizeof(siginfo_t)", "offsetof(siginfo_t, si_code)", "offsetof(siginfo_t, si_pid)"]
    info = signal.SigInfo
    ours = [info.SIZE, info.offset_of("si_code"), info.offset_of("fields")]
    assert values(HEADERS, asked) == ours


def test_sets_hold_a_bit_a_signal():
    assert signal.bit(1) == 1
    assert signal.bit(64) == 1 << 63
    assert signal.bit(host.SIGKILL) | signal.bit(host.SIGSTOP) == signal.UNSTOPPABLE
    assert not signal.UNSTOPPABLE & signal.IGNORED_BY_DEFAULT
    assert signal.SYNCHRONOUS.bit_count() == 6


def test_names_for_people():
    assert signal.name_of(11) == "SIGSEGV"
    assert signal.name_of(40) == "SIGRT40"

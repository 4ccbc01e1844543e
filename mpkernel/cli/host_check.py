"""What this host must be before anything else is imported: one line says what is wrong.

Why: numpy and llvmlite start threads and native code as they are imported; a refusal after that
would be a traceback, or a machine that misbehaves.

State: the environment of this process. Context: the launcher, before the machine is imported.
"""

import os
import platform
import sys
from typing import Final

OLDEST: Final = (3, 11)
NEWEST: Final = (3, 14)


def refusal() -> str | None:
    """Return why this host cannot be used, None if it can."""
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        return (
            f"Python {version[0]}.{version[1]} is not supported: "
            f"use {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
        )
    if sys.implementation.name != "cpython" or not _has_gil():
        return "a CPython with the global interpreter lock is needed"
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"{platform.system()} on {platform.machine()} is not supported: use x86-64 Linux"
    if not _is_glibc():
        return "this C library is not supported: use a Linux with glibc"
    if not __debug__:
        return "python -O removes the kernel's assertions: run without -O and PYTHONOPTIMIZE"
    return None


def _has_gil() -> bool:
    is_enabled = getattr(sys, "_is_gil_enabled", None)
    return is_enabled is None or bool(is_enabled())


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except ValueError:
        return False


def prepare_process() -> None:
    """Make this process fit to become a machine's launcher.

    It has one thread (numpy's BLAS would start more), and descriptors 0 to 2 are open, so that no
    memory or queue of the machine gets one of their numbers.
    """
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)

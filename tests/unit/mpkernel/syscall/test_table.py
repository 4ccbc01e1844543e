"""The table of system calls: every row has its handler, with as many arguments as letters."""

import inspect
import re
from pathlib import Path

import pytest

from mpkernel.abi.numbers import NUMBERS
from mpkernel.syscall import table
from mpkernel.syscall.table import ABSENT, TABLE

pytestmark = pytest.mark.feature("G2")

HOST_HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


def test_letters_fit_the_handlers() -> None:
    for call in TABLE.values():
        parameters = inspect.signature(call.handler).parameters
        assert len(parameters) == len(call.letters), call.name
        assert set(call.letters) <= set("ilu"), call.name
        assert inspect.iscoroutinefunction(call.handler), call.name


def test_a_call_is_there_or_absent() -> None:
    there = {call.name for call in TABLE.values()}
    assert there.isdisjoint(ABSENT)
    assert len(there) + len(ABSENT) == len(NUMBERS)
    assert {"rseq", "ptrace", "socket"} <= set(ABSENT)


def test_rows_are_unique() -> None:
    names = [row.split()[1] for row in table._ROWS.splitlines() if row]
    assert len(names) == len(set(names))


@pytest.mark.skipif(not HOST_HEADER.exists(), reason="no kernel headers on this host")
def test_numbers_are_the_hosts() -> None:
    found = re.findall(r"#define __NR_(\w+) (\d+)", HOST_HEADER.read_text())
    ours = {name: str(NUMBERS[name]) for name, _ in found if name in NUMBERS}
    assert ours.items() <= dict(found).items()
    assert len(ours) > 300

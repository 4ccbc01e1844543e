"""Numbers of system calls are the host's."""

from mpkernel.abi.numbers import NAMES, NUMBERS, RESTART_SYSCALL
from tests.support.host_headers import values

#: Of Linux 5.12 to 6.0: headers of an older host do not know them.
NEW = 443


def test_numbers_are_the_hosts():
    known = {name: number for name, number in NUMBERS.items() if number < NEW}
    theirs = values(["asm/unistd_64.h"], [f"__NR_{name}" for name in known])
    assert dict(zip(known, theirs, strict=True)) == known


def test_names_and_numbers_are_one_to_one():
    assert len(NAMES) == len(NUMBERS)
    assert all(NUMBERS[name] == number for number, name in NAMES.items())
    assert NAMES[RESTART_SYSCALL] == "restart_syscall"
    assert NAMES[450] == "set_mempolicy_home_node"

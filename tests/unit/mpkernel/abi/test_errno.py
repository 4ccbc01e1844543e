"""Error numbers are those of the host, and the exceptions carry them."""

import errno

import pytest

from mpkernel.abi.errno import Errno, Interrupted, SysError


def test_every_number_is_the_hosts():
    assert {one.name: one.value for one in Errno} == {
        one.name: getattr(errno, one.name) for one in Errno
    }


def test_no_number_of_the_host_is_missing():
    assert set(errno.errorcode) <= {int(one) for one in Errno}


def test_exceptions_carry_the_number_and_say_its_name():
    assert str(SysError(Errno.ENOTDIR)) == "ENOTDIR"
    with pytest.raises(SysError, match="EINTR") as caught:
        raise Interrupted
    assert caught.value.errno == errno.EINTR

"""arch_prctl's bases: each code its own, and only user addresses."""

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.arch import segment_bases
from mpkernel.arch.context import registers
from mpkernel.arch.page_table import USER_END
from mpkernel.arch.segment_bases import ARCH_GET_FS, ARCH_GET_GS, ARCH_SET_FS, ARCH_SET_GS
from tests.support.kernel import kernel


def test_each_base_is_its_own():
    with kernel():
        segment_bases.put(ARCH_SET_FS, 0x1000)
        segment_bases.put(ARCH_SET_GS, USER_END - 1)
        assert (registers().fs_base, registers().gs_base) == (0x1000, USER_END - 1)
        assert segment_bases.get(ARCH_GET_FS) == 0x1000
        assert segment_bases.get(ARCH_GET_GS) == USER_END - 1


@pytest.mark.parametrize("code", [ARCH_SET_FS, ARCH_SET_GS])
def test_an_address_of_the_kernel_is_refused(code: int):
    with kernel():
        with pytest.raises(SysError, match="EPERM"):
            segment_bases.put(code, USER_END)
        assert (registers().fs_base, registers().gs_base) == (0, 0)


def test_other_codes_are_refused():
    with kernel():
        for code in (0, ARCH_GET_FS, 0x1011, 0x4001):
            with pytest.raises(SysError, match="EINVAL"):
                segment_bases.put(code, 0)
        for code in (0, ARCH_SET_FS, 0x1012):
            with pytest.raises(SysError, match="EINVAL"):
                segment_bases.get(code)

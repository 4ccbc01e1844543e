"""FXSAVE, XSAVE and their like by name."""

import pytest

from tests.support.decoded import names


@pytest.mark.parametrize(
    "name", ["fxsave", "fxrstor64", "xsave", "xsave64", "xsaveopt", "xrstor", "xrstor64"]
)
def test_areas(name: str) -> None:
    assert names(f"{name} [rbx]\nret")[0] == name


def test_xcr0() -> None:
    assert names("xgetbv\nret") == ["xgetbv", "ret"]
    assert names("xsetbv\nret") == ["xsetbv", "ret"]

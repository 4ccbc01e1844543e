"""A file that everything runs through is where a code base rots: sizes are bounded."""

import pytest

from tests.support.source_tree import Source, sources

MOST_LINES = 500
MOST_TEST_LINES = 800
#: Larger ones, with the size they must not exceed and the reason.
EXEMPT = {
    "hw/cpu/subset.py": (640, "one compiler: its statements and expressions know one another"),
}

CODE = [pytest.param(one, id=one.name) for one in sources("hw", "mpkernel", "guests", "bench")]
TESTS = [pytest.param(one, id=one.name) for one in sources("tests")]


@pytest.mark.parametrize("source", CODE)
def test_a_module_is_read_in_one_sitting(source: Source):
    most, _ = EXEMPT.get(source.name, (MOST_LINES, ""))
    assert source.line_count <= most


@pytest.mark.parametrize("source", TESTS)
def test_a_test_file_is_bounded(source: Source):
    assert source.line_count <= MOST_TEST_LINES


def test_no_exemption_is_left_over():
    large = {one.name for one in sources("hw", "mpkernel") if one.line_count > MOST_LINES}
    assert set(EXEMPT) == large

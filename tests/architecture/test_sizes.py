"""A file that everything runs through is where a code base rots: sizes are bounded."""

from tests.support.source_tree import sources

MOST_LINES = 500
MOST_TEST_LINES = 800


def test_a_module_is_read_in_one_sitting():
    large = [
        f"{source.name}: {source.line_count} lines"
        for source in sources("hw", "mpkernel", "guests", "bench")
        if source.line_count > MOST_LINES
    ]
    assert not large, "\n".join(large)


def test_a_test_file_is_bounded():
    large = [one.name for one in sources("tests") if one.line_count > MOST_TEST_LINES]
    assert not large, "\n".join(large)

"""Boot parameters survive the way through the machine's command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpkernel.boot.parameters import LOG_LEVELS, BootParameters, FileModule

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    log_level=st.sampled_from(LOG_LEVELS),
    init=TEXT,
    init_args=st.lists(TEXT).map(tuple),
    env=st.dictionaries(TEXT, TEXT),
    stdio=st.sampled_from(["console", "ports"]),
)
def test_decode_returns_what_was_encoded(**fields):
    parameters = BootParameters(**fields)
    assert BootParameters.decode(parameters.encode()) == parameters


def test_an_empty_command_line_means_the_defaults():
    assert BootParameters.decode("  ") == BootParameters()


@pytest.mark.parametrize(
    "text",
    [
        "quiet",
        "[1]",
        '{"colour": 1}',
        '{"log_level": "loud"}',
        '{"stdio": "tape"}',
        '{"lockdep": 1}',
    ],
)
def test_another_text_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        BootParameters.decode(text)


def test_a_file_module_says_path_and_mode():
    module = FileModule("/tmp/a:b", 0o755)
    assert module.encode() == "file:/tmp/a:b:755"
    assert FileModule.decode(module.encode()) == module


def test_other_modules_are_no_files():
    assert FileModule.decode("microcode") is None
    assert FileModule.decode("symbols:/x:644") is None

"""Values of options: what is meant, and one line for what is not."""

from pathlib import Path

import click
import pytest

from mpkernel.cli.options import ApicIds, Assignment, GuestFile, HostToGuest, Size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("512", 512), ("4k", 4096), ("256M", 256 << 20), ("2G", 2 << 30), (" 1M ", 1 << 20)],
)
def test_sizes(text: str, size: int):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "1.5G", "-1M", "1T", "1 M", "0x10", "9" * 30])
def test_other_texts_are_no_sizes(text: str):
    with pytest.raises(ValueError, match=r"size|large"):
        parse_size(text)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Size(), "1K", 1024),
        (ApicIds(), "0,2,5,9", (0, 2, 5, 9)),
        (ApicIds(), "0x10", (16,)),
        (HostToGuest(), "a:/tmp/b", GuestFile(Path("a"), "/tmp/b")),
        (HostToGuest(), "a:b:/tmp/c", GuestFile(Path("a:b"), "/tmp/c")),
        (Assignment(), "A=b=c", ("A", "b=c")),
        (Assignment(), "A=", ("A", "")),
    ],
)
def test_values(kind: click.ParamType, text: str, value: object):
    assert kind.convert(text, None, None) == value
    assert kind.convert(value, None, None) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Size(), "many"),
        (ApicIds(), "0,,1"),
        (HostToGuest(), "a"),
        (HostToGuest(), "a:b"),
        (HostToGuest(), ":/b"),
        (HostToGuest(), "a:/b/"),
        (Assignment(), "A"),
        (Assignment(), "=a"),
    ],
)
def test_wrong_values_are_usage_errors(kind: click.ParamType, text: str):
    with pytest.raises(click.BadParameter):
        kind.convert(text, None, None)

"""The table of pairs names handlers, and fields that a link can be of."""

from hw.cpu.micro_op import MicroOp
from hw.cpu.semantics.fusion_names import SECONDS
from hw.cpu.threaded import handler_list, numbers


def test_each_name_is_a_handler() -> None:
    known = numbers()
    for first, seconds in SECONDS.items():
        assert first in known
        for word in seconds.split():
            assert word.partition(":")[0] in known


def test_each_pair_stands_once() -> None:
    for seconds in SECONDS.values():
        assert len(set(seconds.split())) == len(seconds.split())


def test_a_link_is_an_operand() -> None:
    links = {handler.link for handler in handler_list()} - {""}
    assert links <= {"a", "b", "base", "index"}
    assert all(hasattr(MicroOp, link) for link in links)


def test_no_first_ends_its_block() -> None:
    ends = ("j", "call", "ret", "loop")
    assert not [first for first in SECONDS if first.startswith(ends) or "_j" in first]

"""Records: one address a content, whoever adds it, and however many at once."""

import os

from hw.machine_config import MachineConfig
from hw.spec.memory_map import MIB
from mpkernel.sync.lockdep import records
from tests.support.board import powered_board
from tests.support.kernel import kernel


def test_the_same_bytes_are_the_same_record():
    with kernel():
        one, is_new = records.put(records.SITE, b"here")
        assert (one, is_new) == (records.find(records.SITE, b"here"), True)
        assert records.put(records.SITE, b"here") == (one, False)
        assert records.put(records.STACK, b"here")[0] != one
        assert records.content(one) == b"here"
        assert not records.find(records.SITE, b"there")


def test_processes_that_add_at_once_agree():
    words = [f"record {number}".encode() for number in range(400)]
    with powered_board(MachineConfig(cpus=1, ram_bytes=32 * MIB)):
        children = []
        for number in range(4):
            child = os.fork()
            if not child:
                for word in words[number * 50 :] + words:
                    records.put(records.SITE, word)
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        found = [records.content(one) for one in records.all_of(records.SITE)]
        assert sorted(found) == sorted(words)


def test_a_full_ledger_says_so_and_keeps_what_it_has():
    with kernel():
        kept, _ = records.put(records.SITE, b"kept")
        assert not records.NOTES.is_full
        assert records.NOTES.allocate(records.NOTES.size) == 0
        assert records.NOTES.is_full
        assert records.put(records.SITE, b"more") == (0, False)
        assert records.content(kept) == b"kept"
        assert records.NOTES.used_bytes == records.NOTES.size
        assert records.put(records.FINDING, b"there is room for reports")[1]


def test_what_is_forgotten_is_not_found():
    with kernel():
        records.put(records.SITE, b"here")
        records.forget()
        assert not records.find(records.SITE, b"here")
        assert records.NOTES.used_bytes == 0
        assert records.put(records.SITE, b"here")[1]

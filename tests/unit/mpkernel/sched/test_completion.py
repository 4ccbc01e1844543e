"""Completions: waiting before and after."""

from mpkernel.sched.completion import Completion
from tests.support.kernel import kernel


def test_waiters_before_and_after_go_on():
    with kernel(2) as k:
        done = Completion.at(k.scratch(Completion.SIZE))
        done.init()

        async def wait(name: str) -> str:
            await done.wait()
            return name

        for index in range(100):
            k.spawn(index % 2, wait("before"))
        k.run()
        assert not k.results
        done.complete()
        k.spawn(1, wait("after"))
        k.run()
        assert sorted(k.results) == ["after"] + ["before"] * 100

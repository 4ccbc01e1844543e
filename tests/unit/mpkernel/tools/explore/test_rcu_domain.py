"""RCU in a scenario: nothing is freed too early, all is freed in the end."""

from tests.support.watched import EXPLORER, watched

#: Core 1 frees what core 0 reads; ``how`` is filled in.
SCENARIO = """
def setup(k):
    s = k.rcu(), k.word(), k.cell(1), k.cell(2), k.word()
    assert k.rcu() is s[0]
    s[1].store(s[2].phys)
    return s
def core0(k, s):
    with s[0].read():
        place = s[0].follow(s[1])
        assert (s[2] if place == s[2].phys else s[3]).value in (1, 2)
{how}
def check(k, s):
    assert s[2].value == 0xDEAD
"""
CALLED = """
def core1(k, s):
    def free():
        assert k.core == 1
        s[2].value = 0xDEAD
    s[0].publish(s[1], s[3].phys)
    s[0].call(free)
"""
WAITED = """
async def core1(k, s):
    s[0].publish(s[1], s[3].phys)
    await s[0].wait()
    s[2].value = 0xDEAD
"""
TOO_EARLY = """
def core1(k, s):
    s[0].publish(s[1], s[3].phys)
    s[2].value = 0xDEAD
"""
SAID = """
def core1(k, s):
    s[0].publish(s[1], s[3].phys)
    s[0].call(lambda: s[4].store(1))
    while not s[4].load():
        k.relax()
        s[0].quiescent()
    s[2].value = 0xDEAD
"""


def found(how: str) -> str:
    code = f"{EXPLORER}\nprint(explore({SCENARIO.format(how=how)!r}, schedules=150).finding)"
    return watched(code)


def test_a_function_is_called_when_no_reader_is_left():
    assert found(CALLED) == "None\n"


def test_a_task_waits_until_no_reader_is_left():
    assert found(WAITED) == "None\n"


def test_a_core_may_say_in_its_program_that_it_is_quiescent():
    assert found(SAID) == "None\n"


def test_freeing_without_a_grace_period_is_found():
    assert "kind='assertion'" in found(TOO_EARLY)

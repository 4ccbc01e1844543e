"""The rig runs a scenario's programs on the kernel's own locks, interrupts and scheduler."""

from tests.support.watched import EXPLORER, watched

SLEEPERS = """
from types import SimpleNamespace
def setup(k):
    return SimpleNamespace(m=k.mutex("m"), ready=k.completion(), n=k.cell())
async def core0(k, s):
    async with s.m:
        s.n.value += 1
    await s.ready.wait()
async def core1(k, s):
    async with s.m:
        s.n.value += 1
    s.ready.complete()
core2 = core0
def check(k, s): assert s.n.value == 3
"""
INTERRUPTS = """
from types import SimpleNamespace
def setup(k): return SimpleNamespace(outside=k.word(), asked=k.word(), at=k.word())
def core0(k, s):
    k.irqs_off()
    assert s.outside.load() == s.outside.load()
    k.irqs_on()
    k.ipi(1)
def irq0(k, s):
    assert k.core == 0
    s.outside.add(1)
def ipi1(k, s):
    s.at.store(k.core)
    s.asked.add(1)
def check(k, s):
    assert (s.outside.value, s.asked.value, s.at.value) == (1, 1, 1)
"""
TIMED = """
from types import SimpleNamespace
from mpkernel.sched.timer import now_ns
def setup(k): return SimpleNamespace(q=k.wait_queue())
async def core0(k, s):
    begun = now_ns()
    assert not await s.q.wait_until(lambda: False, deadline_ns=begun + 5_000_000)
    assert 5_000_000 <= now_ns() - begun < 6_000_000
"""
STATE = """
seen = []
def setup(k): return k.word(7)
def core0(k, s):
    assert s.load() == 7, "not as setup left it"
    s.store(8)
"""


def test_tasks_sleep_and_wake():
    code = f"{EXPLORER}\nresult = explore({SLEEPERS!r})\nprint(result.finding, result.schedules)"
    assert watched(code) == "None 200\n"


def test_interrupts_come_from_outside_and_from_cores():
    code = f"{EXPLORER}\nprint(explore({INTERRUPTS!r}).finding)"
    assert watched(code) == "None\n"


def test_virtual_time_passes_for_who_waits_for_it():
    code = f"{EXPLORER}\nprint(explore({TIMED!r}, schedules=5).finding)"
    assert watched(code) == "None\n"


def test_each_schedule_begins_with_a_fresh_machine():
    code = f"{EXPLORER}\nprint(explore({STATE!r}).finding)"
    assert watched(code) == "None\n"


def test_a_setup_that_fails_is_a_bad_scenario():
    code = f"""{EXPLORER}
from mpkernel.tools.explore.scenario import BadScenario
try:
    explore("def setup(k): 1/0\\ndef core0(k, s): ...")
except BadScenario as error:
    print(error)
"""
    assert watched(code).endswith("setup fails: ZeroDivisionError: division by zero\n")

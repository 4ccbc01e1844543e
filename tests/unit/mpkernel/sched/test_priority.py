"""Priority: where a task stands in its run queue, also when it stands there already."""

from mpkernel.sched.priority import set_priority
from mpkernel.sched.wait_queue import give_up_cpu
from tests.support.kernel import kernel


def test_the_more_important_run_first_and_equals_in_order():
    with kernel() as k:
        order: list[str] = []

        async def task(name: str) -> None:
            order.append(name)
            await give_up_cpu()
            order.append(name)

        tasks = {name: k.spawn(0, task(name)) for name in "abcde"}
        for name, priority in (("d", 2), ("b", 1), ("e", 2)):
            set_priority(tasks[name], priority)
        set_priority(tasks["e"], 3)
        set_priority(tasks["e"], 0)
        k.run()
        assert "".join(order) == "ddbbaceace"


def test_a_task_that_sleeps_or_runs_elsewhere_only_changes_its_number():
    with kernel(2) as k:

        async def task() -> None:
            await give_up_cpu()

        one = k.new_task()
        set_priority(one, 4)
        assert one.priority == 4
        two = k.spawn(1, task())
        set_priority(two, 4)
        assert k.cpus[0].area.need_resched == 0
        k.run()
        assert len(k.results) == 1

"""Plans and results travel as text; a plan's script runs every workload."""

import shlex
from itertools import pairwise

from guests import build
from mpkernel.tools.stress.plan import INJECTIONS, KERNEL_WORK, PROGRAMS, WORKLOADS, Plan, Result


def test_a_plan_and_a_result_come_back():
    plan = Plan(7, 3, 2.5, ("locks", "tlb"), ("delays",))
    assert Plan.decode(plan.encode()) == plan
    result = Result(7, passed=True, status=0, problems=["a"], counts={"b": 1})
    assert Result.decode(result.encode()) == result


def test_every_workload_has_work_and_every_program_exists():
    assert set(PROGRAMS) | set(KERNEL_WORK) == set(WORKLOADS)
    names = set(build.program_names())
    for programs in PROGRAMS.values():
        assert {program.split()[0] for program in programs} <= names
    assert "kill-core" in INJECTIONS


def test_the_script_starts_all_and_waits_for_all():
    lines = Plan(1, duration_s=3).script().splitlines()
    started = [line for line in lines if line.startswith("stress ")]
    awaited = [line for line in lines if line.startswith("wait ")]
    kinds = sum(len(PROGRAMS.get(w, ())) + len(KERNEL_WORK.get(w, ())) for w in WORKLOADS)
    assert len(started) == len(awaited) == kinds
    assert lines[-1] == "exit $bad"
    words = [shlex.split(line)[:-2] for line in started]
    assert ["stress", "3", "run", "sh", "-c", "primes 500|wc"] in words


def test_seeds_of_jobs_are_apart():
    seeds = sorted(
        int(line.split()[3])
        for seed in (1, 2)
        for line in Plan(seed).script().splitlines()
        if " do " in line
    )
    assert min(b - a for a, b in pairwise(seeds)) >= 10_000

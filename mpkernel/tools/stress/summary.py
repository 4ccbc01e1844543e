"""Results for programs: JSON, and JUnit's XML as continuous integration reads it.

State: none. Context: the host.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from xml.etree import ElementTree

from mpkernel.tools.stress.plan import Plan, Result


def to_json(plans: Sequence[Plan], results: Sequence[Result]) -> str:
    """Return all trials, each with its plan; one that did not run has no result."""
    by_seed = {result.seed: result for result in results}
    trials = [
        {
            "plan": asdict(plan),
            "result": asdict(by_seed[plan.seed]) if plan.seed in by_seed else None,
        }
        for plan in plans
    ]
    return json.dumps({"trials": trials}, indent=1) + "\n"


def to_junit(plans: Sequence[Plan], results: Sequence[Result]) -> str:
    """Return one test case a trial; one that did not run is skipped."""
    by_seed = {result.seed: result for result in results}
    failures = sum(not result.passed for result in results)
    suite = ElementTree.Element(
        "testsuite", name="mpkernel stress", tests=str(len(plans)), failures=str(failures),
        skipped=str(len(plans) - len(results)),
        time=f"{sum(result.seconds for result in results):.3f}",
    )  # fmt: skip
    for plan in plans:
        name = f"seed {plan.seed}: {','.join(plan.workloads)} on {plan.cpus} cores"
        case = ElementTree.SubElement(suite, "testcase", classname="stress", name=name)
        result = by_seed.get(plan.seed)
        if result is None:
            ElementTree.SubElement(case, "skipped")
            continue
        case.set("time", f"{result.seconds:.3f}")
        if not result.passed:
            first = result.problems[0].splitlines()[0] if result.problems else "failed"
            ElementTree.SubElement(case, "failure", message=first).text = "\n".join(result.problems)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"

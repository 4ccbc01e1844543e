"""A scenario: a plain Python file with ``setup``, a program for each core, and ``check``.

    def setup(k): return SimpleNamespace(lock=k.spinlock("lock"), n=k.word(0))
    def core0(k, s): ...            # async def if it sleeps
    def core1(k, s): ...
    def irq0(k, s): ...             # comes once, at any safepoint of core 0
    def ipi1(k, s): ...             # what k.ipi(1) has core 1 do, if it is not irq1
    def check(k, s): assert ...     # holds at the end
    def core1_repaired(k, s): ...   # takes core1's place in the variant "repaired"

State: none. Context: mpkernel.tools.explore.
"""

import inspect
import re
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Program = Callable[[Any, Any], Any]

_NAME: Final = re.compile(r"(core|irq|ipi)(\d+)$")
MOST_CORES: Final = 64


class BadScenario(Exception):  # noqa: N818  the name says it
    """The file is no scenario; the text is one line for the user."""


@dataclass(frozen=True)
class Scenario:
    """What a file says."""

    path: Path
    setup: Callable[[Any], Any]
    check: Program
    cores: dict[int, Program]
    irqs: dict[int, Program]  #: come from outside, once each
    handlers: dict[int, Program]  #: what an IPI does

    @property
    def core_count(self) -> int:
        """Cores that the programs and interrupts need."""
        return 1 + max([*self.cores, *self.irqs, *self.handlers])


def load(path: Path, cores: int | None = None, variant: str = "") -> Scenario:
    """The scenario of a file; with ``cores``, a core without a program of its own runs core0's.

    ``variant``: functions named ``..._variant`` take the places of their namesakes.

    Raises:
        BadScenario: it does not load, or lacks something.
    """
    try:
        names = runpy.run_path(str(path), run_name="scenario")
    except OSError as error:
        raise BadScenario(f"{path}: {error.strerror or error}") from error
    except SyntaxError as error:
        raise BadScenario(f"{path}:{error.lineno}: {error.msg}") from error
    except Exception as error:
        raise BadScenario(f"{path}: {type(error).__name__}: {error}") from error
    if variant:
        ending = f"_{variant}"
        instead = {n.removesuffix(ending): f for n, f in names.items() if n.endswith(ending)}
        if not instead:
            raise BadScenario(f"{path}: no function's name ends in {ending}")
        names |= instead
    return of_names(path, names, cores)


def of_names(path: Path, names: dict[str, Any], cores: int | None = None) -> Scenario:
    """The scenario that a module's names make."""
    found: dict[str, dict[int, Program]] = {"core": {}, "irq": {}, "ipi": {}}
    for name, value in names.items():
        match = _NAME.match(name)
        if match is None or not callable(value):
            continue
        _demand_arguments(path, name, value, 2)
        if match[1] != "core" and inspect.iscoroutinefunction(value):
            raise BadScenario(f"{path}: {name} is async, and an interrupt cannot sleep")
        found[match[1]][int(match[2])] = value
    if not found["core"]:
        raise BadScenario(f"{path}: no core: it defines no function core0(k, s)")
    setup = names.get("setup", lambda k: None)  # noqa: ARG005  a scenario may need no objects
    check = names.get("check", lambda k, s: None)  # noqa: ARG005
    _demand_arguments(path, "setup", setup, 1)
    _demand_arguments(path, "check", check, 2)
    for index in range(cores or 0):
        found["core"].setdefault(index, found["core"][min(found["core"])])
    scenario = Scenario(
        path, setup, check, dict(sorted(found["core"].items())), dict(sorted(found["irq"].items())),
        found["irq"] | found["ipi"],
    )  # fmt: skip
    if scenario.core_count > MOST_CORES:
        raise BadScenario(f"{path}: a machine has at most {MOST_CORES} cores")
    return scenario


def _demand_arguments(path: Path, name: str, value: Any, count: int) -> None:
    wanted = "(k)" if count == 1 else "(k, s)"
    try:
        inspect.signature(value).bind(*range(count))
    except (TypeError, ValueError) as error:
        raise BadScenario(f"{path}: {name} must be {name}{wanted}: {error}") from error

"""Why nobody can run: who stands where, and waits for what.

State: none. Context: mpkernel.tools.explore, after a schedule that came to rest.
"""

from typing import TYPE_CHECKING, Any

from mpkernel.arch.cpu import use_cpu
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.tools.explore.baton import Strand
from mpkernel.tools.explore.finding import DEADLOCK, LOST_WAKEUP, Failure
from mpkernel.tools.explore.kit import ScenarioQueue

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from mpkernel.tools.explore.rig import Rig

#: Files whose functions are how one waits, not where.
_MACHINERY = ("tools/explore/", "arch/cpu.py", "hw/spec/watch.py", "arch/halt.py")


def explain(rig: "Rig", waiting: list[Strand]) -> Failure:
    """The finding, when ``waiting`` have not come to their ends and nothing can happen any more.

    It is a lost wakeup if nobody spins and somebody sleeps for no reason: its condition holds, or
    it waits for a wake alone, and all who could wake it are done.
    """
    places = []
    lost = []
    spinning = False
    for strand in waiting:
        frames = _asleep(strand)
        if frames is None:
            spinning = True
            frames = _running(strand)
            verb = "spins"
        else:
            verb = "sleeps"
            reason = _without_reason(strand, frames)
            if reason:
                lost.append(strand.name)
                verb = f"sleeps {reason}"
        places.append(f"{strand.name} {verb} at {_place(frames, str(rig.scenario.path))}")
    kind = LOST_WAKEUP if lost and not spinning else DEADLOCK
    return Failure(kind, " ".join(strand.name for strand in waiting), "; ".join(places))


def _asleep(strand: Strand) -> "list[FrameType] | None":
    """Frames of the task that sleeps on a core, outermost first; None if none does."""
    coroutine: Any = next(iter(strand.cpu.coroutines.values()), None)
    if coroutine is None:
        return None
    frames = []
    while coroutine is not None and getattr(coroutine, "cr_frame", None) is not None:
        frames.append(coroutine.cr_frame)
        coroutine = coroutine.cr_await
    return frames


def _running(strand: Strand) -> "list[FrameType]":
    """Frames of a core that spins, outermost first."""
    frame: FrameType | None = strand.body.gr_frame if strand.body is not None else None
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _without_reason(strand: Strand, frames: "list[FrameType]") -> str:
    """What is strange about a sleep, '' if nothing: it may wait for one that waits as well."""
    condition: Callable[[], object] | None = None
    for frame in frames:
        if frame.f_code is ScenarioQueue.sleep.__code__:
            return "and nobody is left to wake it"
        if frame.f_code is WaitQueue.wait_until.__code__:
            condition = frame.f_locals.get("condition")
    if condition is None:
        return ""
    use_cpu(strand.cpu)
    return "though its condition holds" if condition() else ""


def _place(frames: "list[FrameType]", path: str) -> str:
    """The innermost line of the scenario, and the kernel's function that it waits in."""
    inner = next((one for one in reversed(frames) if _is_worth_naming(one)), None)
    within = f" in {_inner(inner.f_code)}" if inner and inner.f_code.co_filename != path else ""
    for frame in reversed(frames):
        if frame.f_code.co_filename == path:
            return f"line {frame.f_lineno}{within}"
    return f"its end{within}"


def _is_worth_naming(frame: "FrameType") -> bool:
    name = frame.f_code.co_filename
    return not any(part in name for part in _MACHINERY)


def _inner(code: "CodeType") -> str:
    return code.co_qualname if hasattr(code, "co_qualname") else code.co_name

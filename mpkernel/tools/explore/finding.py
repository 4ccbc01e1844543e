"""What a schedule can end in that it should not.

State: none. Context: any.
"""

import linecache
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mpkernel.panic import KernelPanic

ASSERTION: Final = "assertion"
PANIC: Final = "panic"
REPORT: Final = "validator report"
EXCEPTION: Final = "exception"
DEADLOCK: Final = "deadlock"
LOST_WAKEUP: Final = "lost wakeup"
LIVELOCK: Final = "livelock"
RACE: Final = "data race"


@dataclass(frozen=True)
class Failure:
    """A finding: its kind, who met it, and what to say about it."""

    kind: str
    who: str
    text: str
    detail: str = ""  #: more lines

    @staticmethod
    def of_exception(who: str, error: BaseException) -> "Failure":
        """What an exception means that ended a core's program or the check.

        A panic that an assertion caused (it left a lock's section) is that assertion.
        """
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, AssertionError):
                return Failure(ASSERTION, who, _said(cause))
            cause = cause.__context__
        if isinstance(error, KernelPanic):
            return Failure(PANIC, who, str(error))
        return Failure(EXCEPTION, who, f"{type(error).__name__}: {error}")

    @staticmethod
    def livelock(steps: int) -> "Failure":
        """The schedule does not end."""
        return Failure(LIVELOCK, "all", f"still running after {steps} steps")

    def __str__(self) -> str:
        return f"{self.kind}: {self.who}: {self.text}"


def _said(error: AssertionError) -> str:
    """An assertion's message, and where it stands."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return str(error)
    last = frames[-1]
    line = (linecache.getline(last.filename, last.lineno or 0)).strip()
    return f"{Path(last.filename).name}:{last.lineno}: {str(error) or line}"

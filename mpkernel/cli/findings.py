"""What the lock validator found while a machine ran: said once more when the machine has ended.

    mpkernel boot --findings FILE        also appends the reports to FILE, as JSON, one a line

MPK_FINDINGS in the environment is the same: so a test run knows of every report in every machine
that it started.

State: none. Context: the launcher, while the machine's memory is mapped.
"""

import os
import sys
from pathlib import Path
from typing import Final

VARIABLE: Final = "MPK_FINDINGS"


def show_findings(target: Path | None = None) -> None:
    """Say how many reports there are, if there are any; append them to ``target``."""
    from mpkernel.sync.lockdep import report  # noqa: PLC0415  the kernel, once a machine ran

    reports = report.all_reports()
    if not reports:
        return
    number = len(reports)
    sys.stderr.write(f"mpkernel: lockdep reports {number} finding{'s' if number > 1 else ''}\n")
    if target is None and VARIABLE in os.environ:
        target = Path(os.environ[VARIABLE])
    if target is not None:
        with target.open("a") as file:
            file.writelines(one.to_json() + "\n" for one in reports)

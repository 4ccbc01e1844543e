"""What the lock validator found while a machine ran: said once more when the machine has ended.

With MPK_FINDINGS=FILE in the environment the reports are appended to that file, too, as JSON, one a
line: so a test run knows of every report in every machine that it started.

State: none. Context: the launcher, while the machine's memory is mapped.
"""

import os
import sys
from pathlib import Path
from typing import Final

from mpkernel.sync.lockdep import report

VARIABLE: Final = "MPK_FINDINGS"


def show_findings() -> None:
    """Say how many reports there are, if there are any."""
    reports = report.all_reports()
    if not reports:
        return
    number = len(reports)
    sys.stderr.write(f"mpkernel: lockdep reports {number} finding{'s' if number > 1 else ''}\n")
    target = os.environ.get(VARIABLE)
    if target:
        with Path(target).open("a") as file:
            file.writelines(one.to_json() + "\n" for one in reports)

"""All seams are filled once the kernel is imported: nothing that a lower layer calls is missing."""

import json
import subprocess
import sys

import pytest

from mpkernel.arch import vectors
from mpkernel.fs import block_file, char_device, file_system
from mpkernel.mm import page_source

#: Names of the keys that a seam has after ``import mpkernel.boot.wiring``, in a process of its own.
_ASK = """
import json, mpkernel.boot.wiring
from mpkernel.fs.char_device import CHAR_DEVICES
from mpkernel.fs.file_system import FILE_SYSTEMS
from mpkernel.irq.vectors import KERNEL_VECTORS
from mpkernel.mm.page_source import PAGE_SOURCES
seams = {"CHAR": CHAR_DEVICES, "FS": FILE_SYSTEMS, "VECTOR": KERNEL_VECTORS, "SOURCE": PAGE_SOURCES}
print(json.dumps({name: [k for k in range(256) if k in seam] for name, seam in seams.items()}))
"""
#: The debug device is there only in machines that are made to be tried hard; nobody handles a
#: spurious interrupt.
_UNFILLED = {"CHAR_DEBUG", "VECTOR_SPURIOUS"}


def constants(prefix: str) -> dict[str, int]:
    """The keys that modules name for a seam."""
    found = {}
    for module in (char_device, file_system, vectors, page_source, block_file):
        found |= {n: v for n, v in vars(module).items() if n.startswith(f"{prefix}_")}
    return {name: value for name, value in found.items() if isinstance(value, int)}


@pytest.fixture(scope="module")
def filled() -> dict[str, list[int]]:
    """Keys by seam."""
    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, check=True)
    keys: dict[str, list[int]] = json.loads(done.stdout)
    return keys


@pytest.mark.parametrize("seam", ["CHAR", "FS", "VECTOR", "SOURCE"])
def test_each_key_has_code_of_its_own(filled: dict[str, list[int]], seam: str):
    keys = constants(seam)
    assert len(set(keys.values())) == len(keys) > 2, "two names for one key"
    unfilled = {name for name, key in keys.items() if key not in filled[seam]}
    assert unfilled == {name for name in _UNFILLED if name.startswith(f"{seam}_")}

"""What the host's C headers say: an independent source for formats and numbers.

State: a compiled probe in a directory that goes away. Context: tests.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest


def values(headers: Iterable[str], expressions: Iterable[str]) -> dict[str, int]:
    """Value of each C expression with these headers included.

    Skips the test where the host has no C compiler or lacks the headers; an expression that the
    headers do not know is an error.
    """
    compiler = shutil.which("cc")
    paths = [Path("/usr/include"), Path("/usr/include/x86_64-linux-gnu")]
    headers = list(headers)
    if compiler is None or not all(any((p / h).exists() for p in paths) for h in headers):
        pytest.skip("no C compiler, or not the kernel's headers")
    wanted = list(expressions)
    source = "#include <stdio.h>\n#include <stddef.h>\n"
    source += "".join(f"#include <{header}>\n" for header in headers)
    body = "".join(f'printf("%llu\\n", (unsigned long long)({one}));\n' for one in wanted)
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe"
        subprocess.run(
            [compiler, "-w", "-x", "c", "-", "-o", probe],
            input=f"{source}int main(void) {{\n{body}return 0; }}\n", text=True, check=True,
        )  # fmt: skip
        lines = subprocess.run([probe], capture_output=True, text=True, check=True).stdout.split()
    return dict(zip(wanted, map(int, lines), strict=True))


def offsets(header: str, struct: str, fields: Iterable[str]) -> dict[str, int]:
    """Offset of each field of a C struct, and its size under the name ''."""
    names = list(fields)
    asked = [f"offsetof(struct {struct}, {name})" for name in names] + [f"sizeof(struct {struct})"]
    return dict(zip([*names, ""], values([header], asked).values(), strict=True))

"""What the C headers of the host say: values of constants, places of structure fields.

State: none; needs a C compiler, the test is skipped where there is none.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest

from hw.spec.layout import Layout


def values(headers: Iterable[str], expressions: Iterable[str]) -> list[int]:
    """Integer values of C expressions, computed by a program that includes the headers."""
    compiler = shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    headers = list(headers)
    folders = [Path("/usr/include"), *Path("/usr/include").glob("*-linux-gnu")]
    if compiler is None or not all(any((f / h).exists() for f in folders) for h in headers):
        pytest.skip("needs a C compiler and the host's headers")
    lines = ["#define _GNU_SOURCE", "#include <stddef.h>", "#include <stdio.h>"]
    lines += [f"#include <{header}>" for header in headers]
    lines += ["int main(void) {"]
    lines += [f'  printf("%lld\\n", (long long)({one}));' for one in expressions]
    lines += ["  return 0;", "}"]
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "values.c"), Path(folder, "values")
        source.write_text("\n".join(lines))
        subprocess.run([compiler, "-w", "-o", program, source], check=True)
        said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return [int(line) for line in said.split()]


def named_values(headers: Iterable[str], expressions: Iterable[str]) -> dict[str, int]:
    """Value of each C expression, not negative, by its text."""
    asked = list(expressions)
    mask = (1 << 64) - 1
    return {one: value & mask for one, value in zip(asked, values(headers, asked), strict=True)}


def offsets(header: str, struct: str, fields: Iterable[str]) -> dict[str, int]:
    """Offset of each field of a C struct, and its size under the name ''."""
    names = list(fields)
    asked = [f"offsetof(struct {struct}, {name})" for name in names] + [f"sizeof(struct {struct})"]
    return dict(zip([*names, ""], values([header], asked), strict=True))


def differing(module: ModuleType, headers: Iterable[str], *, without: Iterable[str] = ()) -> dict:
    """Constants of a module that the headers value otherwise: name to (ours, host's)."""
    ours = {
        name: value
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, int) and name not in without
    }
    assert ours
    theirs = dict(zip(ours, values(headers, ours), strict=True))
    mask = (1 << 64) - 1  # C prints what is above 2**63 as negative
    return {
        name: (value, theirs[name])
        for name, value in ours.items()
        if value & mask != theirs[name] & mask
    }


def misplaced(
    layout: type[Layout], c_type: str, headers: Iterable[str], names: dict[str, str] | None = None
) -> dict:
    """Fields that stand elsewhere than in the host's type: name to (ours, host's).

    ``names``: the host's names of fields it calls otherwise. Reserved fields are not compared.
    """
    names = names or {}
    fields = [name for name, *_ in layout._fields_ if not name.startswith(("reserved", "pad"))]
    ours = [value for f in fields for value in (layout.offset_of(f), getattr(layout, f).size)]
    ours.append(layout.SIZE)
    asked = []
    for field in fields:
        member = names.get(field, field)
        asked += [f"offsetof({c_type}, {member})", f"sizeof((({c_type} *)0)->{member})"]
    theirs = values(headers, [*asked, f"sizeof({c_type})"])
    labels = [f"{f} {what}" for f in fields for what in ("offset", "size")] + ["size of all"]
    pairs = zip(labels, ours, theirs, strict=True)
    return {label: (mine, host) for label, mine, host in pairs if mine != host}

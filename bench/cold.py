"""Cold code: 100,000 different instructions, each run once, on the machine and in Unicorn.

This is what decoding costs; a program that starts is made of it. Once it is decoded, once it was
decoded by an earlier machine and is found in the store. Then what the store is worth to programs as
they are; and the start of the core itself: its native handlers compiled the first time, and loaded
from the cache.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from bench.core import COMPILER, SOURCES, cycles_a_round
from bench.harness import ROOT, BenchError, Figure, medians, mpkernel, number, run
from hw.cpu.code_store import VARIABLE

Measure: TypeAlias = Callable[[], float]

INSTRUCTIONS: Final = 100_000
_LEAST_REPEATS: Final = 5
_CPU: Final = "CPU time"
#: Index of the routine that ``cold`` becomes.
_INDEX: Final = "8"
_REGISTERS: Final = ("eax", "ecx", "edx", "esi", "edi", "r8d", "r9d", "r10d", "r11d")
_FORMS: Final = (
    "movl ${n}, %{a}", "addl ${n}, %{a}", "leal {n}(%{wide}), %{b}", "xorl %{a}, %{b}",
    "movl %{a}, -{m}(%rsp)", "movl -{m}(%rsp), %{b}", "cmpl ${n}, %{a}\n jne 1f\n 1:",
    "imull ${n}, %{a}, %{b}", "shrl ${k}, %{a}", "addl -{m}(%rsp), %{a}", "testl %{a}, %{b}",
    "movzbl -{m}(%rsp), %{b}", "movsd -{m}(%rsp), %xmm{x}", "pxor %xmm{x}, %xmm{y}",
)  # fmt: skip
_START: Final = (
    "import time\nfrom hw.cpu import threaded\n"
    "began = time.process_time()\nthreaded.load()\nprint(time.process_time() - began)"
)


def _lines(rng: random.Random) -> Iterator[str]:
    yield ".globl cold\ncold:"
    count = 0
    while count < INSTRUCTIONS:
        a, b = rng.choice(_REGISTERS), rng.choice(_REGISTERS)
        text = rng.choice(_FORMS).format(
            n=rng.getrandbits(30), m=rng.randrange(8, 128), k=rng.randrange(1, 32), a=a, b=b,
            x=rng.randrange(16), y=rng.randrange(16), wide=a.replace("d", "") if "r" in a
            else "r" + a[1:],
        )  # fmt: skip
        count += text.count("\n") // 2 + 1
        yield " " + text
    yield " ret"


def build(folder: Path) -> Path:
    """Compile the routines with ``cold``.

    Raises:
        BenchError: there is no compiler.
    """
    source, program = folder / "cold.S", folder / "cold"
    source.write_text("\n".join(_lines(random.Random(1))) + "\n")
    run("musl-gcc", *COMPILER, "-DCOLD", "-o", program, SOURCES / "routines.c", source)
    return program


def _seconds_to_load(cache: Path | None) -> float:
    environment = dict(os.environ) if cache is None else os.environ | {"XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-c", _START]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, timeout=300, check=False
    )
    if done.returncode:
        raise BenchError(done.stderr.decode(errors="replace")[-200:])
    return float(done.stdout)


def _seconds_of_first_start() -> float:
    with tempfile.TemporaryDirectory() as folder:
        return _seconds_to_load(Path(folder))


def _microseconds_of_decoding() -> float:
    """Time to decode an instruction, without all the rest."""
    command = [sys.executable, "-m", "bench.decoding"]
    return number(r"([\d.]+) us", run(*command))


@contextmanager
def _store(folder: str) -> Iterator[None]:
    """Let machines keep decoded code in a folder; empty, nowhere."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = folder
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        if before is not None:
            os.environ[VARIABLE] = before


def _milliseconds(*arguments: str) -> float:
    began = time.perf_counter()
    mpkernel(*arguments)
    return 1e3 * (time.perf_counter() - began)


def _with_and_without_store(measure: Callable[[], float], folder: str) -> dict[str, Measure]:
    """The same measure on machines that decode all, and on ones that find it."""

    def measured(where: str) -> float:
        with _store(where):
            return measure()

    measured(folder)  # fills the store
    return {"decoded": partial(measured, ""), "found": partial(measured, folder)}


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    repeats = max(repeats, _LEAST_REPEATS)
    with tempfile.TemporaryDirectory() as name:
        program = build(Path(name))
        arguments = [str(program), _INDEX, "1", "0"]
        unicorn = [sys.executable, "-m", "bench.unicorn_linux", *arguments]
        store = f"{name}/store"
        kinds = {
            "cold": lambda: cycles_a_round(mpkernel("run", "--cpus", "1", *arguments), 1),
            "boot": lambda: _milliseconds("boot", "--cpus", "4", "--cmdline", "exit"),
        }
        busybox = shutil.which("busybox")
        if busybox is not None:
            kinds["busybox true"] = lambda: _milliseconds("run", "--cpus", "1", busybox, "true")
        measures = {
            f"{kind}, {how}": one
            for kind, function in kinds.items()
            for how, one in _with_and_without_store(function, store).items()
        }
        found = medians(
            measures
            | {
                "unicorn": lambda: number(r"cycles (\d+)", run(*unicorn)),
                "decode": _microseconds_of_decoding,
                "cached": lambda: 1e3 * _seconds_to_load(None),
            },
            repeats,
        )
    first = _seconds_of_first_start()
    cost = found["cold, decoded"] / INSTRUCTIONS
    ratio = found["cold, decoded"] / found["unicorn"]
    warm_ratio = found["cold, found"] / found["unicorn"]
    return [
        Figure("cold", "an instruction run once, machine", cost, "cycles"),
        Figure("cold", "time of cold code, Unicorn = 1", ratio, "", 4),
        Figure("cold", "time of cold code with the store, Unicorn = 1", warm_ratio, "", 1),
        *(
            Figure("cold", f"{kind}, {how}", found[f"{kind}, {how}"], "ms")
            for kind in kinds
            if kind != "cold"
            for how in ("decoded", "found")
        ),
        Figure("cold", "decode an instruction", found["decode"], "us", 4, note=_CPU),
        Figure("cold", "start of the core, cached", found["cached"], "ms", 100, note=_CPU),
        Figure("cold", "start of the core, first time", first, "s", 20, note=_CPU),
    ]

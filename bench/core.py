"""How fast the core runs: the same ELF on the machine, in Unicorn, in QEMU, and natively.

The routines time themselves with RDTSC, which all four pass through from the host, so starting is
in no figure. Each is warmed up first: translators translate, hot code is compiled. QEMU runs the
program on a bare machine with paging on; without QEMU or Unicorn its column is left out.
"""

import importlib.util
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import geometric_mean
from typing import Final

from elftools.elf.elffile import ELFFile

from bench.harness import BenchError, Figure, medians, mpkernel, number, run

SOURCES: Final = Path(__file__).parent / "programs"
#: Routines in the order of routines.c, and rounds that take a native core about 50 ms.
ROUTINES: Final = {
    "sieve": 40, "crc": 25, "sha256": 15, "quicksort": 20, "bytecode": 60, "library": 50,
    "matrix": 150, "recursion": 800,
}  # fmt: skip
COMPILER: Final = (
    "-O2", "-static", "-nostartfiles", "-no-pie", "-fno-pie", "-fno-stack-protector",
    "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-Wl,-z,max-page-size=4096",
    "-Wl,--build-id=none", "-s",
)  # fmt: skip
#: Cycles of warming up, and by which share of the rounds an engine is spared.
WARM_CYCLES: Final = 6_000_000_000
_PEER_WARM_CYCLES: Final = 500_000_000
#: Peer -> times its speed that regions, and threaded code alone, should reach.
_GOALS: Final = {"unicorn": (9.0, 2.5), "qemu": (1.5, 0.5), "host": (0.25, None)}
_SHARE: Final = {"machine": 2, "threaded": 4, "unicorn": 12, "qemu": 4, "host": 1}
#: Where the flat image for QEMU has its loader, and the program's stack.
_LOADER_AT: Final = 0x10_0000
_STACK_AT: Final = 0x80_0000


def build(folder: Path) -> Path:
    """Compile the routines; the program's path.

    Raises:
        BenchError: there is no musl-gcc.
    """
    if shutil.which("musl-gcc") is None:
        raise BenchError("no musl-gcc: install musl-tools to measure the core")
    program = folder / "routines"
    run("musl-gcc", *COMPILER, "-o", program, SOURCES / "routines.c")
    return program


class Qemu:
    """The program on a bare QEMU machine."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._folder = folder
        with program.open("rb") as file:
            elf = ELFFile(file)
            self._entry = elf["e_entry"]
            self._segments = [
                (s["p_vaddr"], s.data(), s["p_vaddr"] + s["p_memsz"])
                for s in elf.iter_segments("PT_LOAD")
            ]

    @staticmethod
    def is_there() -> bool:
        """Whether this host has QEMU."""
        return shutil.which("qemu-system-x86_64") is not None

    def run(self, arguments: list[str]) -> str:
        """Boot, run the program with ``arguments``; what it wrote."""
        image = self._folder / "image"
        image.write_bytes(self._image(["routines", *arguments]))
        command = [
            "qemu-system-x86_64", "-accel", "tcg", "-m", "64", "-display", "none", "-no-reboot",
            "-monitor", "none", "-serial", "none", "-kernel", str(image), "-debugcon", "stdio",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
        ]  # fmt: skip
        # the exit port cannot say 0: the status is 2 n + 1
        done = subprocess.run(command, capture_output=True, timeout=300, check=False)
        if done.returncode != 1:
            raise BenchError(f"QEMU: {done.stderr.decode(errors='replace')[:200]}")
        return done.stdout.decode()

    def _image(self, arguments: list[str]) -> bytes:
        """Everything from the loader's address on."""
        strings = b"".join(argument.encode() + b"\0" for argument in arguments)
        places = [
            _STACK_AT + 256 + sum(len(a) + 1 for a in arguments[:k]) for k in range(len(arguments))
        ]
        vector = struct.pack(f"<{len(places) + 3}Q", len(places), *places, 0, 0)
        stack = vector.ljust(256, b"\0") + strings
        image = bytearray(_STACK_AT + len(stack) - _LOADER_AT)
        loader = self._loader(_LOADER_AT + len(image))
        for at, data in (
            (_LOADER_AT, loader), *((at, data) for at, data, _ in self._segments),
            (_STACK_AT, stack),
        ):  # fmt: skip
            image[at - _LOADER_AT : at - _LOADER_AT + len(data)] = data
        return bytes(image)

    def _loader(self, end: int) -> bytes:
        linked, flat = self._folder / "loader", self._folder / "loader.bin"
        run(
            "gcc", "-m32", "-nostdlib", "-static", "-no-pie", f"-DENTRY={self._entry:#x}",
            f"-DSTACK={_STACK_AT:#x}", f"-DIMAGE_END={end:#x}", f"-Wl,-Ttext={_LOADER_AT:#x}",
            "-Wl,--build-id=none", "-o", linked, SOURCES / "loader.S",
        )  # fmt: skip
        run("objcopy", "-O", "binary", "-j", ".text", linked, flat)
        return flat.read_bytes()


def cycles_a_round(text: str, rounds: int) -> float:
    """What a run of the program measured."""
    return number(r"^(\d+) ", text) / rounds


def engines(program: Path, folder: Path) -> dict[str, Callable[[int, int], float]]:
    """Cycles a round, by engine, as functions of (routine, rounds of the host)."""

    def words(index: int, rounds: int, warm: int) -> list[str]:
        return [str(index), str(rounds), str(warm)]

    def machine(regions: str, index: int, rounds: int) -> float:
        arguments = words(index, rounds, WARM_CYCLES if regions == "on" else _PEER_WARM_CYCLES)
        command = ("run", "--cpus", "1", "--regions", regions)
        return cycles_a_round(mpkernel(*command, program, *arguments), rounds)

    def host(index: int, rounds: int) -> float:
        return cycles_a_round(run(program, *words(index, rounds, _PEER_WARM_CYCLES)), rounds)

    found: dict[str, Callable[[int, int], float]] = {
        "machine": partial(machine, "on"),
        "threaded": partial(machine, "off"),
        "host": host,
    }
    if importlib.util.find_spec("unicorn") is not None:

        def unicorn(index: int, rounds: int) -> float:
            arguments = words(index, rounds, _PEER_WARM_CYCLES)
            text = run(sys.executable, "-m", "bench.unicorn_linux", program, *arguments)
            return number(r"cycles (\d+)", text) / rounds

        found["unicorn"] = unicorn
    if Qemu.is_there():
        bare = Qemu(program, folder)
        found["qemu"] = lambda index, rounds: cycles_a_round(
            bare.run(words(index, rounds, _PEER_WARM_CYCLES)), rounds
        )
    return found


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    figures: list[Figure] = []
    ratios: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        by_engine = engines(build(folder), folder)
        for index, (routine, rounds) in enumerate(ROUTINES.items()):
            found = _routine(by_engine, index, rounds, repeats)
            mine = found["machine"]
            peers = {peer: found[peer] / mine for peer in by_engine if peer != "machine"}
            for peer, ratio in peers.items():
                ratios.setdefault(peer, []).append(ratio)
            note = ", ".join(f"{ratio:.2f} x {peer}" for peer, ratio in peers.items())
            figures.append(Figure("core", routine, mine / 1e3, "k cycles a round", note=note))
    return figures + _summary(ratios)


def _summary(ratios: dict[str, list[float]]) -> list[Figure]:
    """Geometric means over the routines: the machine, and its threaded code alone."""
    threaded = ratios.pop("threaded")
    figures = [Figure("core", "regions, threaded code = 1", geometric_mean(threaded), "")]
    for peer, (goal, threaded_goal) in _GOALS.items():
        if peer not in ratios:
            figures.append(Figure("core", f"{peer} is not on this host", 0, ""))
            continue
        alone = [ratio / gain for ratio, gain in zip(ratios[peer], threaded, strict=True)]
        for name, values, least in (
            ("regions", ratios[peer], goal), ("threaded code", alone, threaded_goal),
        ):  # fmt: skip
            note = f"least {min(values):.2f}, most {max(values):.2f}"
            what = f"{name}, {peer} = 1"
            mean = geometric_mean(values)
            figures.append(Figure("core", what, mean, "", least, is_least=True, note=note))
    return figures


def _routine(
    by_engine: dict[str, Callable[[int, int], float]], index: int, rounds: int, repeats: int
) -> dict[str, float]:
    def measure_of(engine: str) -> Callable[[], float]:
        share = max(rounds // _SHARE[engine], 1)
        return lambda: by_engine[engine](index, share)

    return medians({engine: measure_of(engine) for engine in by_engine}, repeats)

"""The user programs, compiled: found in the package, else built once and cached.

A wheel carries the ELFs in guests/user/bin, put there by the build hook (setup.py). A checkout
has only the sources; they are compiled on first use into the user's cache directory, under the
hash of the sources, so an edit is built again and nothing else is. (After ``pip install .`` the
checkout has its own guests/user/bin as well.)

The programs are freestanding C for x86-64 Linux and use nothing of the compiler but the compiler:
gcc, clang or the ``ziglang`` wheel all do. This module imports nothing outside the standard
library, because the build hook runs before anything is installed.

State: the cache directory ($XDG_CACHE_HOME/mpkernel). Context: the host, before the machine.
"""

import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parent / "user"
PACKAGED: Final = SOURCE / "bin"
_LIBRARY: Final = "lib"
_STAMP: Final = "SOURCE_HASH"

COMPILE_FLAGS: Final = (
    "-std=gnu11", "-O2", "-Wall", "-Wextra", "-ffreestanding", "-mgeneral-regs-only",
    "-fno-stack-protector", "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-fno-pie",
    "-ffunction-sections", "-fdata-sections",
)  # fmt: skip
LINK_FLAGS: Final = (
    "-static", "-nostdlib", "-no-pie", "-s", "-Wl,--gc-sections", "-Wl,-z,max-page-size=4096",
    "-Wl,--build-id=none", "-Wl,-z,noexecstack",
)  # fmt: skip

Progress = Callable[[str], None]


class BuildError(Exception):
    """The programs cannot be compiled; the text is one line for the user."""


def quiet(_line: str) -> None:
    """Show no progress."""


def programs(progress: Progress = quiet) -> Path:
    """Folder that holds the compiled programs, each under its name.

    Raises:
        BuildError: they must be compiled, and cannot be.
    """
    digest = source_hash()
    if _is_stamped(PACKAGED, digest):
        return PACKAGED
    target = cache_directory() / f"programs-{digest}"
    if not _is_stamped(target, digest):
        progress("compiling the user programs (once)")
    build(target)
    return target


def build(target: Path) -> None:
    """Compile all programs into the folder ``target``, which appears only when complete.

    A folder that holds them already is left alone.

    Raises:
        BuildError: no compiler, or it fails.
    """
    if _is_stamped(target, source_hash()):
        return
    compiler = find_compiler()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix="building-", dir=target.parent))
    except OSError as error:
        raise BuildError(f"cannot write to {target.parent}: {error.strerror}") from None
    try:
        _compile_all(compiler, work)
        (work / _STAMP).write_text(source_hash())
        work.chmod(0o755)
        if target.exists() and not _is_stamped(target, source_hash()):
            shutil.rmtree(target)
        try:
            work.rename(target)
        except OSError:
            if not _is_stamped(target, source_hash()):  # else another process was first
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def program_names() -> list[str]:
    """Names of all programs there are sources of."""
    return sorted(_program_sources())


def source_hash() -> str:
    """Name of this state of the sources and flags."""
    digest = hashlib.sha256(repr((COMPILE_FLAGS, LINK_FLAGS)).encode())
    for path in _source_files():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(SOURCE).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:24]


def cache_directory() -> Path:
    """Where built files are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mpkernel"


def native_compiler() -> list[str] | None:
    """Command of a C compiler of this host that makes x86-64 code, or None."""
    wanted = os.environ.get("CC", "")
    for command in (shlex.split(wanted), ["cc"], ["gcc"], ["clang"]):
        if command and _makes_x86_64(command):
            return command
    return None


def find_compiler() -> list[str]:
    """Command of a C compiler for the programs.

    Raises:
        BuildError: there is none.
    """
    command = native_compiler()
    if command is not None:
        return command
    if importlib.util.find_spec("ziglang") is not None:
        return zig_compiler()
    raise BuildError("no C compiler: install gcc or clang, or run `pip install ziglang`")


def zig_compiler() -> list[str]:
    """Command of the compiler in the ``ziglang`` wheel."""
    target = ["-target", "x86_64-linux-none", "-fno-sanitize=undefined"]
    return [sys.executable, "-m", "ziglang", "cc", *target]


def _makes_x86_64(command: list[str]) -> bool:
    try:
        done = subprocess.run(
            [*command, "-dumpmachine"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.startswith(("x86_64", "amd64"))


def _is_stamped(folder: Path, digest: str) -> bool:
    try:
        return (folder / _STAMP).read_text() == digest
    except OSError:
        return False


def _source_files() -> Iterator[Path]:
    for path in sorted(SOURCE.rglob("*")):
        if path.suffix in {".c", ".h", ".S"}:
            yield path


def _program_sources() -> dict[str, list[Path]]:
    """Sources of each program: NAME.c, or all of NAME/."""
    sources = {path.stem: [path] for path in SOURCE.glob("*.c")}
    for folder in SOURCE.iterdir():
        files = sorted(folder.glob("*.c")) if folder.is_dir() else []
        if files and folder.name != _LIBRARY:
            sources[folder.name] = files
    return sources


def _compile_all(compiler: list[str], target: Path) -> None:
    library = sorted((SOURCE / _LIBRARY).glob("*.[cS]"))
    flags = [*COMPILE_FLAGS, "-I", str(SOURCE / _LIBRARY)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = [str(Path(folder) / f"{path.stem}{path.suffix}.o") for path in library]
        jobs = [
            [*compiler, *flags, "-c", str(path), "-o", output]
            for path, output in zip(library, objects, strict=True)
        ]
        list(pool.map(_run, jobs))
        jobs = [
            [*compiler, *flags, *LINK_FLAGS, *map(str, paths), *objects, "-o", str(target / name)]
            for name, paths in sorted(_program_sources().items())
        ]
        list(pool.map(_run, jobs))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line]
        reason = lines[0] if lines else f"status {done.returncode}"
        raise BuildError(f"{command[0]} cannot compile the user programs: {reason}")

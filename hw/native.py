"""Native code from LLVM IR, compiled once for a source and kept on disk as an object file.

Why: compiling costs from milliseconds to seconds, loading an object costs a few milliseconds. The
key is the IR's hash, the LLVM version and the host CPU's features, so a stale object cannot load.

State: the cache directory ($XDG_CACHE_HOME/mpkernel). Context: before the fork; functions that
come back may be called in any process forked later.
"""

import ctypes
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import llvmlite
import llvmlite.binding as llvm

#: A native function as Python calls it.
Native: TypeAlias = Callable[..., Any]

#: Engines live as long as the process: the code they hold is reachable from compiled tables.
_ENGINES: Final[list[Any]] = []
#: Told before each compilation, which is slow; private to the launcher.
_LISTENERS: Final[list[Callable[[], None]]] = []


def when_compiling(listener: Callable[[], None]) -> None:
    """Call ``listener`` before each module that has to be compiled."""
    _LISTENERS.append(listener)


def cache_directory() -> Path:
    """Folder of compiled objects, made on demand."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "mpkernel"
    path.mkdir(parents=True, exist_ok=True)
    return path


@cache
def host_key() -> str:
    """What a compiled object depends on besides its source."""
    features = llvm.get_host_cpu_features().flatten()
    return f"{llvmlite.__version__}:{llvm.get_host_cpu_name()}:{features}"


def target_machine(opt: int) -> Any:
    """LLVM's view of this host: position-independent code for exactly this CPU."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=opt,
        reloc="pic",
        codemodel="small",
        jit=True,
    )


def load(
    key: str,
    names: Iterable[str],
    make_ir: Callable[[], str],
    *,
    opt: int = 2,
    passes: int | None = None,
) -> dict[str, int]:
    """Host addresses of the named functions of a module.

    ``key`` identifies the source (a hash of all that the IR depends on); ``make_ir`` is called
    only when no cached object fits. Symbol names must be unique over all modules of a process.
    ``passes`` is the level of the IR passes where it is not that of the code generator: large
    modules of small functions gain nothing from O2's, which cost as much again.
    """
    machine = target_machine(opt)
    digest = hashlib.sha256(f"{key}:{opt}:{passes}:{host_key()}".encode()).hexdigest()[:32]
    path = cache_directory() / f"{digest}.o"
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    try:
        data = path.read_bytes()
    except OSError:
        for listener in _LISTENERS:
            listener()
        data = _compile(machine, make_ir(), opt if passes is None else passes)
        _publish(path, data)
    engine.add_object_file(llvm.ObjectFileRef.from_data(data))
    engine.finalize_object()
    _ENGINES.append(engine)
    return {name: engine.get_function_address(name) for name in names}


def _compile(machine: Any, ir: str, passes: int) -> bytes:
    module = llvm.parse_assembly(ir)
    module.verify()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(passes))
    builder.getModulePassManager().run(module, builder)
    data: bytes = machine.emit_object(module)
    return data


def _publish(path: Path, data: bytes) -> None:
    """Write beside and rename, so that a reader sees all of the file or none."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
    Path(file.name).replace(path)


def function(address: int, result: Any, *arguments: Any) -> Native:
    """Python callable for a native function; the call keeps the GIL."""
    prototype: Native = ctypes.PYFUNCTYPE(result, *arguments)(address)
    return prototype

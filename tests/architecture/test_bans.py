"""What may be used only in one place, or nowhere."""

import ast
import re

from tests.support.source_tree import Source, dotted, sources

#: The tools write files of the host, no shared memory.
TOOLS = "mpkernel/tools/"

ALL = sources("hw", "mpkernel")
IN_MACHINE = [one for one in ALL if not one.name.startswith(TOOLS)]

#: Ways to see bytes past hw.ram and hw.spec, so that nothing could watch the access.
RAW_VIEWS = {
    "memoryview()", "from_address()", "from_buffer()", "frombuffer()", "pack_into()", "string_at()",
    "memmove()", "memset()",
}  # fmt: skip
#: Files that may, each with the reason.
MAY_VIEW_RAW = {
    "hw/ram.py": "hands out all views",
    "hw/spec/layout.py": "hands out all layouts",
    "hw/cpu/handler_compiler.py": "reads the table of native handlers",
    "hw/cpu/code_cache.py": "decoded code in board memory is named by host address",
    "hw/cpu/regions/code_memory.py": "native code in board memory is named by host address",
    "hw/cpu/memory_primitives.py": "what native handlers do, said in Python for the same addresses",
    "hw/cpu/state.py": "the registers as one array of the same layout",
    "hw/cpu/oracle.py": "follows micro-ops in board memory, as native code does",
    "hw/trace.py": "the rings' records, by host address",
    "mpkernel/trace/log.py": "the log's ring, by host address",
    "mpkernel/arch/context.py": "registers move as runs of bytes between two layouts",
    "mpkernel/arch/thread_start.py": "registers are cleared as runs of bytes",
    "mpkernel/fs/ext2/block_map.py": "looks at a copy of a block, which is private",
    "mpkernel/syscall/descriptor.py": "looks at a copy of what the user gave, which is private",
}
#: pack_into zeroes shared bytes first; nobody may.
NOBODY = {"pack_into()"}

HOST_CALLS = {
    "os.fork()", "os.memfd_create()", "os.sched_setaffinity()", "os.sched_getaffinity()",
    "os.posix_spawn()", "os.pidfd_open()",
}  # fmt: skip
MAY_CALL_HOST = {
    "hw/host.py": "the file that knows the host",
    "hw/ram.py": "makes the two memfds",
    "hw/supervisor.py": "watches the processes by their descriptors",
}
#: Attributes by these names are registers of one instruction set.
REGISTERS = {
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "rip", "rflags", "fs_base", "gs_base",
    "xmm", "mxcsr", "cr0", "cr2", "cr3", "cr4", "efer", *(f"r{number}" for number in range(8, 16)),
}  # fmt: skip
#: Names that the ABI gives to fields in user memory.
MAY_NAME_REGISTERS = {"mpkernel/proc/signal_frame.py": {"cr2"}}
BANNED_MODULES = {"multiprocessing", "threading", "asyncio", "weakref", "concurrent"}


def calls(source: Source) -> list[tuple[str, ast.Call]]:
    return [(dotted(node), node) for node in ast.walk(source.tree) if isinstance(node, ast.Call)]


def imported(source: Source) -> list[tuple[str, ast.stmt]]:
    found: list[tuple[str, ast.stmt]] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found += [(alias.name.partition(".")[0], node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(((node.module or "").partition(".")[0], node))
    return found


def raw_views(source: Source) -> list[str]:
    """Places that see bytes past hw.ram and hw.spec."""
    banned = NOBODY if source.name in MAY_VIEW_RAW else NOBODY | RAW_VIEWS
    return [
        f"{source.at(node)} {name}"
        for name, node in calls(source)
        if name.rsplit(".", 1)[-1] in banned and not fills_a_field(node)
    ]


def fills_a_field(node: ast.Call) -> bool:
    """Whether a call fills a field of a layout, or a whole one: that names no address."""
    if not node.args or dotted(node.func) not in ("ctypes.memmove", "ctypes.memset"):
        return False
    target = node.args[0]
    return isinstance(target, ast.Attribute | ast.Name) or dotted(target).endswith("addressof()")


def test_bytes_are_seen_only_through_layouts_and_ram():
    wrong = [place for source in IN_MACHINE for place in raw_views(source)]
    assert not wrong, "\n".join(wrong)


def test_only_the_host_file_makes_processes_and_memory():
    wrong = [
        f"{source.at(node)} {name}"
        for source in ALL
        if source.name not in MAY_CALL_HOST
        for name, node in calls(source)
        if name in HOST_CALLS
    ]
    wrong += [
        source.at(node)
        for source in ALL
        if source.name != "hw/host.py"
        for name, node in imported(source)
        if name == "posix_ipc"
    ]
    assert not wrong, "\n".join(wrong)


def test_only_arch_knows_the_registers():
    """Another instruction set changes mpkernel/arch and the ABI, nothing above."""
    bad = [
        f"{one.at(node)} {node.attr}"
        for one in sources("mpkernel")
        if not one.name.startswith(("mpkernel/arch/", "mpkernel/abi/"))
        for node in ast.walk(one.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in REGISTERS - MAY_NAME_REGISTERS.get(one.name, set())
    ]
    assert not bad, "\n".join(bad)


def test_no_threads_and_no_shared_python_objects():
    wrong = [
        f"{source.at(node)} {name}"
        for source in ALL
        for name, node in imported(source)
        if name in BANNED_MODULES
    ]
    assert not wrong, "\n".join(wrong)


def test_no_finalizers():
    wrong = [
        source.at(node)
        for source in sources("mpkernel")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and node.name == "__del__"
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_are_absolute():
    wrong = [
        source.at(node)
        for source in ALL
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not wrong, "\n".join(wrong)


def test_no_reminders_are_left():
    words = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "unimple" + "mented")))
    wrong = [
        f"{source.name}:{number}"
        for source in sources("hw", "mpkernel", "guests", "bench", "tests")
        for number, line in enumerate(source.text.splitlines(), 1)
        if words.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_exception_is_left_over():
    names = {source.name for source in sources("hw", "mpkernel")}
    assert set(MAY_VIEW_RAW) | set(MAY_CALL_HOST) <= names

"""What /proc shows of the whole system.

Spec: proc(5). State: none here. Locks: those of what is counted. Context: task.
"""

from collections.abc import Callable
from typing import Final

from mpkernel.arch import power, topology
from mpkernel.arch.timer import now_ns
from mpkernel.arch.vectors import DEVICE_FIRST, VECTOR_NAMES
from mpkernel.fs.file_system import FILE_SYSTEMS
from mpkernel.fs.mount import mounts_text
from mpkernel.fs.procfs import SYSTEM_FILES
from mpkernel.irq import dispatch, vectors
from mpkernel.mm import frames, page_cache, slab
from mpkernel.proc.process import TASKS, TREE
from mpkernel.sched import tick, waits_graph
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.sync.lockdep import texts as lockdep_texts

_KIB_PER_FRAME: Final = 4
_VECTORS: Final = 256


def uptime() -> bytes:
    """Seconds since boot, and seconds that CPUs were idle."""
    seconds = now_ns() / 1e9
    busy = sum(tick.STATS.of(index).ticks for index in range(topology.cpu_count())) / tick.HZ
    idle = max(seconds * topology.cpu_count() - busy, 0.0)
    return f"{seconds:.2f} {idle:.2f}\n".encode()


def meminfo() -> bytes:
    """Memory in KiB."""
    total, free = frames.total_count(), frames.free_count()
    cached = page_cache.cached_pages()
    rows = {
        "MemTotal": total,
        "MemFree": free,
        "MemAvailable": free,
        "Buffers": 0,
        "Cached": cached,
        "Slab": slab.frame_count(),
    }
    return "".join(
        f"{name + ':':15} {count * _KIB_PER_FRAME:8} kB\n" for name, count in rows.items()
    ).encode()


def slabinfo() -> bytes:
    """Objects of each slab cache, in the columns that slabinfo version 2.1 begins with."""
    lines = [
        "slabinfo - version: 2.1",
        "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>",
    ]
    lines += [
        f"{cache.name:17} {cache.in_use:6} {cache.total:6} {cache.object_bytes:6}"
        f" {cache.per_slab:4} {cache.slab_frames:4}"
        for cache in slab.CACHES
    ]
    return ("\n".join(lines) + "\n").encode()


def cpuinfo() -> bytes:
    """One paragraph a CPU that is online."""
    text = ""
    for index in range(topology.cpu_count()):
        if not topology.is_online(index):
            continue
        text += (
            f"processor\t: {index}\nvendor_id\t: AuthenticAMD\n"
            f"model name\t: mpkernel process-core\napicid\t\t: {topology.apic_id(index)}\n"
            f"state\t\t: {topology.state_name(index)}\n\n"
        )
    return text.encode()


def stat() -> bytes:
    """Ticks by CPU, boot time, processes."""
    lines, totals = [], [0, 0, 0, 0]
    ticks_up = now_ns() * tick.HZ // 1_000_000_000
    for index in range(topology.cpu_count()):
        stats = tick.STATS.of(index)
        system = stats.system_ticks
        times = [stats.ticks - system, 0, system, max(ticks_up - stats.ticks, 0)]
        totals = [a + b for a, b in zip(totals, times, strict=True)]
        lines.append(f"cpu{index} {' '.join(map(str, times))} 0 0 0")
    lines.insert(0, f"cpu  {' '.join(map(str, totals))} 0 0 0")
    running = sum(RUN_QUEUES.of(index).length for index in range(topology.cpu_count()))
    lines.append(f"btime {(power.wall_clock_ns() - now_ns()) // 1_000_000_000}")
    lines.append(f"processes {TREE.forks}")
    lines.append(f"procs_running {running + 1}")
    return ("\n".join(lines) + "\n").encode()


def interrupts() -> bytes:
    """How often each CPU took each vector that has a use."""
    count = topology.cpu_count()
    lines = ["     " + "".join(f"{'CPU' + str(index):>11}" for index in range(count))]
    for vector in range(DEVICE_FIRST, _VECTORS):
        name = vectors.name_of(vector)
        if name is None and vector not in VECTOR_NAMES:
            continue
        taken = "".join(f"{dispatch.taken(index, vector):11}" for index in range(count))
        lines.append(f"{vector:#04x}:{taken}  {name}")
    return ("\n".join(lines) + "\n").encode()


def version() -> bytes:
    """Name and version."""
    return b"mpkernel version 0.1.0\n"


def loadavg() -> bytes:
    """Tasks ready now, for all three spans: no averages are kept."""
    ready = sum(RUN_QUEUES.of(index).length for index in range(topology.cpu_count()))
    return f"{ready}.00 {ready}.00 {ready}.00 {ready + 1}/{TASKS.in_use} {TREE.last_pid}\n".encode()


def filesystems() -> bytes:
    """Kinds of file systems."""
    names = ("ext2", "tmpfs", "devfs", "proc")
    assert FILE_SYSTEMS is not None
    return "".join(f"{'' if name == 'ext2' else 'nodev'}\t{name}\n" for name in names).encode()


def diskstats() -> bytes:
    """Disks and their sectors."""
    from mpkernel.block import device  # noqa: PLC0415  read once a file, not at boot

    lines = []
    for index in range(device.count()):
        disk = device.by_index(index)
        lines.append(f"{254:4} {index * 16:7} {device.name_of(disk)} {disk.sectors}")
    return ("\n".join(lines) + "\n").encode() if lines else b""


TEXTS: Final[dict[str, Callable[[], bytes]]] = {
    "uptime": uptime,
    "meminfo": meminfo,
    "slabinfo": slabinfo,
    "cpuinfo": cpuinfo,
    "stat": stat,
    "interrupts": interrupts,
    "mounts": mounts_text,
    "version": version,
    "loadavg": loadavg,
    "filesystems": filesystems,
    "diskstats": diskstats,
    "lockdep": lockdep_texts.classes_text,
    "lockdep_chains": lockdep_texts.chains_text,
    "lock_stat": lockdep_texts.statistics_text,
    "lock_waits": waits_graph.text,
}
assert set(TEXTS) == set(SYSTEM_FILES)

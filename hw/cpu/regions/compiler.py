"""From a hot block to a region that the cores run.

    request -> shape (hw.cpu.regions.formation) -> IR (builder) -> LLVM -> code memory -> the block

State: code memory and records, in board memory. Locks: REGIONS.lock while publishing.
Context: the compiler's process; in tests and tools any process that runs a core.
"""

import time
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm

from hw import native
from hw.cpu import code_cache
from hw.cpu.regions import code_memory
from hw.cpu.regions.builder import region_text
from hw.cpu.regions.formation import Formation, Shape, is_inside, read_block
from hw.cpu.regions.object_file import ObjectError, ObjectFile
from hw.cpu.regions.record import REFUSED, REGIONS, REQUESTS, RING_SLOTS, Request
from hw.cpu.subset import SubsetError
from hw.cpu.threaded import numbers


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of a request, for those who measure."""

    shape: Shape
    code: bytes
    seconds: float


class Compiler:
    """Makes regions; knows which requests it has seen.

    Without ``loops_only`` it makes also those that do not pay, for whoever wants to see them run.
    """

    def __init__(self, *, loops_only: bool = True) -> None:
        self._loops_only = loops_only
        self._machine: Any = native.target_machine(2)
        self.served = 0  #: requests

    def serve(self) -> int:
        """Make the regions that were asked for; how many were published."""
        asked = REGIONS.asked.load()
        first = max(self.served, asked - RING_SLOTS)
        self.served = asked
        made = [self.make(REQUESTS[number % RING_SLOTS]) for number in range(first, asked)]
        return sum(one is not None for one in made)

    def make(self, request: Request) -> Compiled | None:
        """Compile and publish the region of a hot block."""
        began = time.perf_counter()
        first, epoch = request.block, request.epoch
        try:
            shape = self._shape(first, request.core, epoch)
            if shape is None:
                return None
            code, entry = self.code_of(shape)
        except (SubsetError, ObjectError, RuntimeError):  # RuntimeError: LLVM takes no such IR
            self._refuse(first, epoch)
            return None
        if not self._publish(shape, code, entry, epoch):
            return None
        return Compiled(shape, code, time.perf_counter() - began)

    def _shape(self, first: int, core: int, epoch: int) -> Shape | None:
        """The blocks of a region; None if the block is stale, or has one, or is not named yet.

        Raises:
            SubsetError: there can be none.
        """
        with REGIONS.lock:
            if first == 0 or code_cache.HEADER.epoch.load() != epoch:
                return None
            known = read_block(first)
            if known is None or known.header.region:
                return None
            if not is_inside(known.ops[0]):
                raise SubsetError("the first instruction is none that regions hold")
            shape = Formation(core).shape(known)
        if self._loops_only and not shape.has_loop:
            raise SubsetError("nothing comes back")
        return shape

    def code_of(self, shape: Shape) -> tuple[bytes, int]:
        """Native code of a shape, and where in it execution begins.

        Raises:
            SubsetError: a handler cannot be part of a region.
            ObjectError: the code does not stand by itself.
        """
        module = llvm.parse_assembly(region_text(shape))
        options = llvm.create_pipeline_tuning_options(2)
        options.loop_unrolling = False
        options.loop_vectorization = False
        options.slp_vectorization = False
        builder = llvm.create_pass_builder(self._machine, options)
        builder.getModulePassManager().run(module, builder)
        return ObjectFile(self._machine.emit_object(module)).image()

    def _publish(self, shape: Shape, code: bytes, entry: int, epoch: int) -> bool:
        """Put the code where cores can run it, then let the block lead there."""
        first = shape.blocks[0]
        with REGIONS.lock:
            if code_cache.HEADER.epoch.load() != epoch:
                return False
            record = code_memory.place(code, entry, first.ops[0].number, shape.pages())
            if record is None:
                return False
            code_cache.set_region(first.at, record, numbers()["region"])
        REGIONS.compiled.add(1)
        return True

    def _refuse(self, first: int, epoch: int) -> None:
        """Note that a block gets no region, so that nobody asks again."""
        with REGIONS.lock:
            if code_cache.HEADER.epoch.load() == epoch:
                code_cache.block_at(first).region = REFUSED

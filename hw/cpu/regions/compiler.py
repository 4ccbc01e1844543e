"""From a hot block to a region that the cores run.

    request -> shape (hw.cpu.regions.formation) -> IR (builder) -> LLVM -> code memory -> the block

State: code memory and records, in board memory. Locks: REGIONS.lock while publishing.
Context: the compiler's process; in tests and tools any process that runs a core.
"""

import ctypes
import time
from dataclasses import dataclass
from typing import Any, Final

import llvmlite.binding as llvm

from hw import atomics, native
from hw.cpu import code_cache
from hw.cpu.code_cache import Block
from hw.cpu.micro_op import MicroOp
from hw.cpu.regions.builder import is_inside, region_text
from hw.cpu.regions.formation import Formation, KnownBlock, Shape, read_block
from hw.cpu.regions.object_file import ObjectError, ObjectFile
from hw.cpu.regions.record import REFUSED, REGIONS, REQUESTS, RING_SLOTS, RegionPage, RegionRecord
from hw.cpu.subset import SubsetError
from hw.cpu.threaded import numbers
from hw.ram import CODE_MAP, CODE_SIZE, CODE_WRITE_MAP

_ALIGN: Final = 64


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of a request, for those who measure."""

    shape: Shape
    code: bytes
    seconds: float


class Compiler:
    """Makes regions; knows which requests it has seen."""

    def __init__(self) -> None:
        self._machine: Any = native.target_machine(2)
        self.served = 0  #: requests

    def serve(self) -> int:
        """Make the regions that were asked for; how many were published."""
        published = 0
        asked = REGIONS.asked.load()
        first = max(self.served, asked - RING_SLOTS)
        for number in range(first, asked):
            self.served = number + 1
            request = REQUESTS[number % RING_SLOTS]
            if request.block and self.make(request.block, request.core) is not None:
                published += 1
        return published

    def make(self, at: int, core: int) -> Compiled | None:
        """Compile and publish the region of the block with its first micro-op at ``at``."""
        began = time.perf_counter()
        epoch = code_cache.HEADER.epoch.load()
        known = read_block(at)
        if known is None or known.header.region:
            return None
        try:
            if not is_inside(known.ops[0]):
                raise SubsetError("the first instruction is none that regions hold")
            shape = Formation(core).shape(known)
            code, entry = self.code_of(shape)
        except (SubsetError, ObjectError):
            self._refuse(known, epoch)
            return None
        if not self._publish(shape, code, entry, epoch):
            return None
        return Compiled(shape, code, time.perf_counter() - began)

    def _refuse(self, known: KnownBlock, epoch: int) -> None:
        """Note that a block gets no region, so that nobody asks again."""
        with REGIONS.lock:
            if code_cache.HEADER.epoch.load() == epoch:
                Block.from_address(known.at - Block.SIZE).region = REFUSED

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
        """Copy the code to where cores can run it, then let the block lead there."""
        first = shape.blocks[0]
        pages = shape.pages()
        head = -(-(RegionRecord.SIZE + len(pages) * RegionPage.SIZE) // _ALIGN) * _ALIGN
        with REGIONS.lock:
            start = REGIONS.used.load()
            size = head + -(-len(code) // _ALIGN) * _ALIGN
            if code_cache.HEADER.epoch.load() != epoch or start + size > CODE_SIZE:
                return False
            REGIONS.used.store(start + size)
            ctypes.memmove(CODE_WRITE_MAP + start + head, code, len(code))
            record = RegionRecord.from_address(CODE_WRITE_MAP + start)
            record.code = CODE_MAP + start + head + entry
            record.handler = first.ops[0].number
            record.page_count = len(pages)
            for k, (page, (frame, version)) in enumerate(pages.items()):
                at = CODE_WRITE_MAP + start + RegionRecord.SIZE + k * RegionPage.SIZE
                page_entry = RegionPage.from_address(at)
                page_entry.page, page_entry.frame, page_entry.version = page, frame, version
            Block.from_address(first.at - Block.SIZE).region = CODE_WRITE_MAP + start
            atomics.fence()
            MicroOp.from_address(first.at).handler = numbers()["region"]
            REGIONS.compiled.add(1)
        return True

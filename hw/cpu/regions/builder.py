"""A region as one LLVM function: the handlers' own semantics, with the registers kept in variables.

Every micro-op is inlined as its handler would do it, its operands known. Registers and flags are
loaded where the region begins and live in LLVM variables; wherever it is left they are stored.
What a handler does out of line (a TLB miss, a fault, a page of code written) is left to threaded
code: the registers are stored as they were before the instruction, and its handler does all of it
again. So state is as exact as threaded code's at every fault, by the same invariant: an instruction
changes nothing before its last access that can fail.

    region(s, u, t, budget): registers = s ... | blocks ... | to_threaded: s = registers, handler
                                                            | to_loop: s = registers, rip, return

Context: the compiler's process.
"""

from collections.abc import Callable
from typing import Any, Final

from hw.cpu import access_faults, control, flags
from hw.cpu.control import CONVENTION, PARAMETERS
from hw.cpu.inlining import FunctionBuilder, Inlined, compile_function
from hw.cpu.ir import I1, I64, VECTOR, Module, Pointer, Value
from hw.cpu.micro_op import PLACE_BITS, SLOT
from hw.cpu.primitives import sext
from hw.cpu.regions.formation import KnownBlock, KnownOp, Shape, is_inside
from hw.cpu.semantics import branch, locked, string
from hw.cpu.semantics.handler import position
from hw.cpu.state import JUMP_ENTRIES, JUMP_OFFSET, CpuState
from hw.cpu.subset import SubsetError

_ZERO: Final = CpuState.offset_of("zero")
_KIND: Final = CpuState.offset_of("flag_kind")
_RIP: Final = CpuState.offset_of("rip")
#: Fields of the register file that live in variables.
_KEPT: Final = frozenset(range(0, _RIP, 8)) | {
    CpuState.offset_of(name) for name in ("rflags", "flag_kind", "flag_a", "flag_b")
}
_XMM: Final = CpuState.offset_of("xmm")
_XMM_END: Final = CpuState.offset_of("x87")


class RegionBuilder(FunctionBuilder):
    """Emits the function ``@region`` for a shape."""

    def __init__(self, module: Module, shape: Shape) -> None:
        super().__init__(module)
        self._shape = shape
        self._state = Pointer(CpuState, "%s")
        self._registers: dict[int, str] = {}  #: offset in CpuState -> variable
        self._written: set[int] = set()
        self._kind: int | None = None  #: flag_kind, where it is known
        self._block = shape.blocks[0]
        self._op = shape.blocks[0].ops[0]
        self._replaced: dict[Any, Callable[..., Any]] = {
            control.leave_fault: self._leave_to_handler,
            access_faults.exception: self._leave_to_handler,
            access_faults.page_fault: self._leave_to_handler,
            flags.make_ready: self._make_ready,
            branch.go_linked: self._go_linked,
            branch.go_to: self._go_to,
            locked.must_run_alone: self._leave_to_handler,
            string.charge: self._charge_iterations,
        }
        for name in ("budget", "exit_op", "exit_handler", "exit_rip", "exit_link"):
            self.allocas.append(f"  %{name}_slot = alloca i64")

    def text(self) -> str:
        """IR of the function."""
        for block in self._shape.blocks:
            self._emit_block(block)
        body = self.lines
        self.lines = []
        self._emit_exits()
        exits = self.lines
        self.lines = []
        for offset in sorted(self._registers):
            kind = VECTOR if offset >= _XMM else "i64"
            value = self.op(f"load {kind}, ptr {self.place_of(self._state, offset)}", kind)
            self.line(f"store {kind} {value.name}, ptr {self._registers[offset]}")
        self.line("store i64 %budget, ptr %budget_slot")
        self.line("br label %b0")
        return "\n".join(
            [
                f"define {CONVENTION} void @region({PARAMETERS}) nounwind {{",
                "entry:", *self.allocas, *self.lines, *body, *exits, "}",
            ]
        )  # fmt: skip

    # Blocks

    def _emit_block(self, block: KnownBlock) -> None:
        self._block = block
        self.place(f"b{block.index}")
        for op in block.ops:
            self._op = op
            if not is_inside(op):
                self._leave_to_handler()
            else:
                Inlined(self, op.handler.form, [self._state, op, *op.handler.constants]).run()
            if self.terminated:
                return
        raise SubsetError("a block that does not end")

    def place(self, label: str) -> None:
        """Begin a basic block: nothing is known of the flags."""
        super().place(label)
        self._kind = None

    # Registers

    def _variable(self, pointer: Pointer, offset: Any) -> tuple[str, int] | None:
        """The variable that holds a byte of the register file, and the bit it begins at."""
        if pointer.layout is not CpuState or not isinstance(offset, int):
            return None
        if _XMM <= offset < _XMM_END:
            start = offset & ~15
        elif offset & ~7 in _KEPT:
            start = offset & ~7
        else:
            return None
        if start not in self._registers:
            self._registers[start] = f"%r{start}"
            kind = VECTOR if start >= _XMM else "i64"
            self.allocas.append(f"  %r{start} = alloca {kind}")
        return self._registers[start], (offset - start) * 8

    def load_at(self, pointer: Pointer, offset: Any, bits: int, hint: str = "") -> Any:
        """Read the register file: what is kept, from its variable."""
        found = self._variable(pointer, offset)
        if found is None:
            return super().load_at(pointer, offset, bits, hint)
        if offset == _ZERO:
            return 0
        if offset == _KIND and self._kind is not None:
            return self._kind
        variable, start = found
        if offset >= _XMM:
            vector = self.op(f"load {VECTOR}, ptr {variable}", VECTOR)
            value = self.op(f"extractelement {VECTOR} {vector.name}, i64 {start // 64}", I64)
            start %= 64
        else:
            value = self.op(f"load i64, ptr {variable}", I64)
        if start:
            value = self.op(f"lshr i64 {value.name}, {start}", I64)
        return value if bits == 64 else self.op(f"and i64 {value.name}, {(1 << bits) - 1}", I64)

    def store_at(self, pointer: Pointer, offset: Any, bits: int, thing: Any) -> None:
        """Write the register file: what is kept, to its variable."""
        found = self._variable(pointer, offset)
        if found is None:
            super().store_at(pointer, offset, bits, thing)
            return
        variable, start = found
        self._written.add(offset & (~15 if offset >= _XMM else ~7))
        if offset == _KIND:
            self._kind = thing if isinstance(thing, int) else None
        if offset < _XMM:
            value = self._merged(self.op(f"load i64, ptr {variable}", I64), start, bits, thing)
            self.line(f"store i64 {value.name}, ptr {variable}")
            return
        old = self.op(f"load {VECTOR}, ptr {variable}", VECTOR)
        half = self.op(f"extractelement {VECTOR} {old.name}, i64 {start // 64}", I64)
        value = self._merged(half, start % 64, bits, thing)
        self.line(
            f"%n{self.count} = insertelement {VECTOR} {old.name}, i64 {value.name}, "
            f"i64 {start // 64}"
        )
        self.line(f"store {VECTOR} %n{self.count}, ptr {variable}")
        self.count += 1

    def _merged(self, old: Value, start: int, bits: int, thing: Any) -> Value:
        """``old`` with some bits replaced by the low ones of ``thing``."""
        value = self.value(thing)
        if bits == 64:
            return value
        mask = (1 << bits) - 1
        value = self.op(f"and i64 {value.name}, {mask}", I64)
        if start:
            value = self.op(f"shl i64 {value.name}, {start}", I64)
        rest = self.op(f"and i64 {old.name}, {~(mask << start) & (1 << 64) - 1}", I64)
        return self.op(f"or i64 {rest.name}, {value.name}", I64)

    def load_vector(self, pointer: Pointer, offset: Any) -> Value:
        """Read a vector register."""
        found = self._variable(pointer, offset)
        assert found is not None
        return self.op(f"load {VECTOR}, ptr {found[0]}", VECTOR)

    def store_vector(self, pointer: Pointer, offset: Any, value: Value) -> None:
        """Write a vector register."""
        found = self._variable(pointer, offset)
        assert found is not None
        self._written.add(offset)
        self.line(f"store {VECTOR} {value.name}, ptr {found[0]}")

    # Calls that mean something else here

    def call(self, function: Callable[..., Any], arguments: list[Any]) -> Any:
        """Inline, but for what leaves the instruction or the block."""
        replaced = self._replaced.get(function)
        if replaced is not None:
            return replaced(*arguments)
        touches_state = any(isinstance(argument, Pointer) for argument in arguments)
        if touches_state and "__noinline__" in getattr(function, "__dict__", {}):
            return self._leave_to_handler()
        return super().call(function, arguments)

    def _make_ready(self, s: Pointer) -> None:
        """Flags from what they follow from, at once where their kind is known."""
        kind = self.load_field(s, "flag_kind")
        operands = [self.load_field(s, "flag_a"), self.load_field(s, "flag_b")]
        if isinstance(kind, int):
            status = super().call(flags.status_of, [kind, *operands])
        else:
            symbol = "@status_of"
            if symbol not in self.module.symbols.values():
                self.module.symbols["status_of"] = symbol
                text = compile_function(self.module, flags.status_of, symbol, "internal")
                self.module.texts.append(text)
            words = ", ".join(f"i64 {self.value(thing).name}" for thing in (kind, *operands))
            status = self.op(f"call i64 {symbol}({words})", I64)
        super().call(flags.set_ready, [s, status])

    def _leave_to_handler(self, *_: Any) -> int:
        """Leave the region before the instruction at hand, which threaded code does."""
        self._to_threaded(Value(str(self._op.at), I64), Value(str(self._op.number), I64))
        return 0

    def _charge_iterations(self, s: Pointer, u: KnownOp, done: Any, unfinished: Any) -> None:
        """End a string instruction: leave at its own address if it is not finished."""
        count = self.value(done).name
        counted = self.load_field(s, "instructions")
        self.store_field(s, "instructions", self.op(f"sub i64 {counted.name}, {count}", I64))
        before = self.op("load i64, ptr %budget_slot", I64)
        left = self.op(f"sub i64 {before.name}, {count}", I64)
        goes_on, over = self.label(), self.label()
        self.branch_if(self.convert(unfinished, I1), over, goes_on)
        self.place(over)
        spent = self.op(f"sub i64 {left.name}, {position(u)}", I64)  # type: ignore[arg-type]
        self.line(f"store i64 {spent.name}, ptr %budget_slot")
        self._to_loop(sext(u.place, PLACE_BITS), 0)
        self.place(goes_on)
        self.line(f"store i64 {left.name}, ptr %budget_slot")

    # Ends of blocks

    def _go_linked(self, _s: Pointer, u: KnownOp, which: int, extra: int) -> None:
        left = self._charge(u, extra)
        link, target = ((u.link_0, u.target_0), (u.link_1, u.target_1))[which]
        known = self._shape.by_address.get(link)
        if known is not None:
            self._jump(known, left)
            return
        slot = u.at + SLOT + 16 * which
        there = self.op(f"load i64, ptr inttoptr (i64 {slot} to ptr)", I64)
        is_linked = self.op(f"icmp ne i64 {there.name}, 0", I1)
        self._leave_to(is_linked, there, left, target, slot)

    def _go_to(self, s: Pointer, u: KnownOp, target: Any, extra: int) -> None:
        left = self._charge(u, extra)
        if isinstance(target, int):
            known = self._shape.by_rip.get(target)
            if known is not None:
                self._jump(known, left)
                return
        else:
            self._switch(u, target, left)
        mask = (JUMP_ENTRIES - 1) * 16
        place = self.value(target).name
        offset = self.op(f"shl i64 {place}, 4", I64)
        offset = self.op(f"and i64 {offset.name}, {mask}", I64)
        offset = self.op(f"add i64 {offset.name}, {JUMP_OFFSET}", I64)
        rip = super().load_at(s, offset, 64)
        is_there = self.op(f"icmp eq i64 {rip.name}, {place}", I1)
        following = self.op(f"add i64 {offset.name}, 8", I64)
        self._leave_to(is_there, super().load_at(s, following, 64), left, target, 0)

    def _charge(self, u: KnownOp, extra: int) -> Value:
        """Count the block's instructions; what is left."""
        before = self.op("load i64, ptr %budget_slot", I64)
        left = self.op(f"sub i64 {before.name}, {position(u) + extra}", I64)  # type: ignore[arg-type]
        self.line(f"store i64 {left.name}, ptr %budget_slot")
        return left

    def _jump(self, to: KnownBlock, left: Value) -> None:
        """Go on inside; where that goes back, only while the chunk lasts."""
        label = f"b{to.index}"
        if to.index <= self._block.index:
            self._check(left, to.header.rip)
        self.branch(label)

    def _check(self, left: Value, rip: Any) -> None:
        """Leave at ``rip`` if the chunk is over."""
        goes_on, over = self.label(), self.label()
        condition = self.op(f"icmp sge i64 {left.name}, 0", I1)
        self.branch_if(self._likely(condition), goes_on, over)
        self.place(over)
        self._to_loop(rip, 0)
        self.place(goes_on)

    def _likely(self, condition: Value) -> Value:
        self.module.declare("declare i1 @llvm.expect.i1(i1, i1)")
        return self.op(f"call i1 @llvm.expect.i1(i1 {condition.name}, i1 true)", I1)

    def _switch(self, u: KnownOp, target: Value, left: Value) -> None:
        """Go on at a block inside whose address it is; else fall out of this."""
        is_return = u.handler.form is branch.ret
        candidates = self._shape.returns if is_return else self._shape.targets
        if not candidates:
            return
        self._check(left, target)
        outside = self.label()
        cases = " ".join(f"i64 {b.header.rip}, label %b{b.index}" for b in candidates)
        self.line(f"switch i64 {target.name}, label %{outside} [{cases}]")
        self.terminated = True
        self.place(outside)

    def _leave_to(
        self, condition: Value, block: Value, left: Value, rip: Any, link_slot: int
    ) -> None:
        """Go on at a block outside if ``condition`` holds and the chunk lasts, else return."""
        lasts = self.op(f"icmp sge i64 {left.name}, 0", I1)
        both = self.op(f"and i1 {condition.name}, {lasts.name}", I1)
        goes_on, over = self.label(), self.label()
        self.branch_if(both, goes_on, over)
        self.place(goes_on)
        pointer = self.op(f"inttoptr i64 {block.name} to ptr", "ptr")
        number = self.op(f"load i16, ptr {pointer.name}", "i16")
        self._to_threaded(block, self.op(f"zext i16 {number.name} to i64", I64))
        self.place(over)
        self._to_loop(rip, link_slot)

    # Exits

    def _to_threaded(self, op: Value, handler: Value) -> None:
        self.line(f"store i64 {op.name}, ptr %exit_op_slot")
        self.line(f"store i64 {handler.name}, ptr %exit_handler_slot")
        self.branch("to_threaded")

    def _to_loop(self, rip: Any, link_slot: int) -> None:
        self.line(f"store i64 {self.value(rip).name}, ptr %exit_rip_slot")
        self.line(f"store i64 {link_slot}, ptr %exit_link_slot")
        self.branch("to_loop")

    def _emit_exits(self) -> None:
        self.place("to_threaded")
        self._store_registers()
        op, handler, budget = (
            self.op(f"load i64, ptr %{name}_slot", I64)
            for name in ("exit_op", "exit_handler", "budget")
        )
        pointer = self.op(f"inttoptr i64 {op.name} to ptr", "ptr")
        control.emit_call_of(self, handler, pointer.name, budget.name)
        self.place("to_loop")
        self._store_registers()
        for name, field in (("exit_rip", "rip"), ("exit_link", "link_slot"), ("budget", "budget")):
            value = self.op(f"load i64, ptr %{name}_slot", I64)
            super().store_at(self._state, CpuState.offset_of(field), 64, value)
        self.end("ret void")

    def _store_registers(self) -> None:
        for offset in sorted(self._written):
            kind = VECTOR if offset >= _XMM else "i64"
            value = self.op(f"load {kind}, ptr {self._registers[offset]}", kind)
            self.line(f"store {kind} {value.name}, ptr {self.place_of(self._state, offset)}")


def region_text(shape: Shape) -> str:
    """IR of a module with the region's function.

    Raises:
        SubsetError: a handler cannot be inlined.
    """
    module = Module()
    module.texts.append(RegionBuilder(module, shape).text())
    return module.text()

"""String instructions, XADD, CMPXCHG and what takes no operands.

State: none. Context: Python, while decoding.
"""

from typing import Any, Final

from iced_x86 import OpKind

from hw.cpu.block_builder import BARRIER, COMPARE, NONE, PARTIAL, WRITES, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build, Factory, bits_of, ender, simple
from hw.cpu.operands import OFFSET, REGISTER_KIND, memory, segment_base

#: Address kinds with the address-size prefix.
_NARROW_KINDS: Final = (OpKind.MEMORY_SEG_ESI, OpKind.MEMORY_ESEDI)
_ALL_ONES: Final = (1 << 64) - 1
_SUFFIX_BITS: Final = {"B": 8, "W": 16, "D": 32, "Q": 64}


def _string(mnemonic: str, _: list[str]) -> Build:
    """MOVS STOS LODS SCAS CMPS with their prefixes."""
    name = f"{mnemonic[:-1]}{_SUFFIX_BITS[mnemonic[-1].upper()]}"
    once, rep = NUMBER[name], NUMBER[f"rep_{name}"]
    repne = NUMBER.get(f"repne_{name}", rep)
    compares = mnemonic[:4] in ("scas", "cmps")
    from_rsi = mnemonic[:4] in ("movs", "lods", "cmps")

    def build(d: BlockBuilder, i: Any) -> None:
        narrow = i.op0_kind in _NARROW_KINDS or i.op1_kind in _NARROW_KINDS
        segment = segment_base(i) if from_rsi else 128
        number = repne if i.has_repne_prefix else rep if i.has_repe_prefix else once
        effect = BARRIER | (PARTIAL if compares else NONE)
        d.emit(number, effect, b=segment, disp=0xFFFF_FFFF if narrow else _ALL_ONES)

    return build


def _exchange(mnemonic: str, tokens: list[str]) -> Build:
    """XADD, CMPXCHG."""
    name = f"{mnemonic}{bits_of(tokens[0])}"
    r, m, locked = NUMBER[f"{name}_r"], NUMBER[f"{name}_m"], NUMBER[f"lock_{name}_m"]
    effect = WRITES | (COMPARE if mnemonic == "cmpxchg" else NONE)

    def build(d: BlockBuilder, i: Any) -> None:
        b = OFFSET[i.op1_register]
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, effect, a=OFFSET[i.op0_register], b=b)
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(locked if i.has_lock_prefix else m, effect | BARRIER, b=b, base=base, disp=disp)

    return build


def _exchange_pair(mnemonic: str, _: list[str]) -> Build:
    """CMPXCHG8B, CMPXCHG16B."""
    plain = NUMBER[mnemonic]
    locked = NUMBER.get(f"lock_{mnemonic}", plain)

    def build(d: BlockBuilder, i: Any) -> None:
        base, _, _, disp = memory(d, i, indexed=False)
        number = locked if i.has_lock_prefix else plain
        d.emit(number, PARTIAL | BARRIER, base=base, disp=disp)

    return build


_STRINGS: Final = [
    f"{name}{suffix}" for name in ("MOVS", "STOS", "LODS", "SCAS", "CMPS") for suffix in "BWDQ"
]
_NOTHING: Final = (
    "NOP", "NOPW", "NOPD", "NOPQ", "PAUSE", "ENDBR64", "ENDBR32", "RESERVEDNOP",
    "PREFETCHNTA", "PREFETCHT0", "PREFETCHT1", "PREFETCHT2", "PREFETCHW", "PREFETCH",
    "CLDEMOTE", "PREFETCHWT1", "PREFETCHIT0", "PREFETCHIT1",
    *(f"PREFETCHRESERVED{n}" for n in range(3, 8)),
)  # fmt: skip

_ENDERS: Final = ("syscall", "sysretq", "iretq", "stac", "clac", "int3")

TABLE: Final[dict[str, Factory]] = {
    **dict.fromkeys(_STRINGS, _string),
    **dict.fromkeys(_NOTHING, simple("nop")),
    **dict.fromkeys(("LFENCE", "MFENCE", "SFENCE"), simple("fence")),
    "XADD": _exchange, "CMPXCHG": _exchange,
    "CMPXCHG8B": _exchange_pair, "CMPXCHG16B": _exchange_pair,
    **{name.upper(): ender(name) for name in _ENDERS},
    **{name.upper(): simple(name, BARRIER) for name in ("swapgs", "cli", "sti")},
    "RDTSC": simple("rdtsc"), "RDTSCP": simple("rdtscp"), "CPUID": ender("cpuid"),
}  # fmt: skip

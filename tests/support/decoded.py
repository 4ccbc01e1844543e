"""What assembly is decoded to."""

from hw.cpu.decode import decode_block
from hw.cpu.micro_op import SLOT, MicroOp
from hw.cpu.threaded import handler_list
from tests.differential.assembly import assemble

#: Where the code stands.
AT = 0x40_0000


def micro_ops(text: str, at: int = AT) -> list[MicroOp]:
    """The micro-ops of a block."""
    code = assemble(text + "\n.skip 16\n9:\n.skip 8192\n8:")
    built = decode_block(at, code[: 4096 - (at & 0xFFF)], 4096 - (at & 0xFFF))
    data = built.finish()
    count = len(data) // SLOT - 1
    return [MicroOp.from_buffer_copy(data[k * SLOT :] + bytes(64)) for k in range(count)]


def names(text: str, at: int = AT) -> list[str]:
    """Names of the handlers that a block is made of; of a pair, those of its two."""
    return [name.partition("+")[0] for name in names_with_pairs(text, at)]


def names_with_pairs(text: str, at: int = AT) -> list[str]:
    """The same as it is dispatched: the first of a pair has the pair's name."""
    return [handler_list()[op.handler].name for op in micro_ops(text, at)]

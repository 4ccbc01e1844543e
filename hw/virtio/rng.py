"""Entropy device: fills buffers with random bytes.

Spec: virtio 1.2, 5.4. State: none. Context: whoever runs the device.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from hw.virtio.memory import GuestMemory
from hw.virtio.queue import Chain, scatter, size_of

QUEUES: Final = 1
#: A request gets at most this many bytes; drivers ask again.
MAX_BYTES: Final = 4096


@dataclass(frozen=True)
class Entropy:
    """Give so many random bytes."""

    size: int


def serve(memory: GuestMemory, chain: Chain) -> Generator[Entropy, bytes, int]:
    """Serve one request: yields what it needs, is sent the bytes, returns how many it stored."""
    data = yield Entropy(min(size_of(chain.writable), MAX_BYTES))
    return scatter(memory, chain.writable, data)

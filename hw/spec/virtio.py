"""Virtio over PCI: capabilities, common configuration, split rings and device formats.

    available ring (driver writes)        used ring (device writes)
    flags idx ring[n] used_event          flags idx {id len}[n] avail_event

Spec: virtio 1.2: 2.7 (split queues), 4.1 (PCI), 5.2 (blk), 5.3 (console), 5.4 (entropy).
State: none. Context: any.
"""

from typing import Annotated, Final

from hw.spec.layout import Layout, atomic, layout, u8, u16, u32, u64

VIRTIO_VENDOR_ID: Final = 0x1AF4
#: PCI device id of a modern device is this plus its virtio type.
VIRTIO_DEVICE_ID_BASE: Final = 0x1040
TYPE_BLK: Final = 2
TYPE_CONSOLE: Final = 3
TYPE_RNG: Final = 4

# Device status (2.1).
STATUS_ACKNOWLEDGE: Final = 1
STATUS_DRIVER: Final = 2
STATUS_DRIVER_OK: Final = 4
STATUS_FEATURES_OK: Final = 8
STATUS_NEEDS_RESET: Final = 0x40
STATUS_FAILED: Final = 0x80

# Features of all devices (6), as bits of the 64-bit feature word.
F_INDIRECT_DESC: Final = 1 << 28
F_EVENT_IDX: Final = 1 << 29
F_VERSION_1: Final = 1 << 32

# PCI capability types (4.1.4).
CAP_COMMON: Final = 1
CAP_NOTIFY: Final = 2
CAP_ISR: Final = 3
CAP_DEVICE: Final = 4
CAP_PCI_CFG: Final = 5

#: MSI-X vector number that means none.
NO_VECTOR: Final = 0xFFFF

ISR_QUEUE: Final = 1
ISR_CONFIG: Final = 2


@layout(size=16)
class VirtioPciCap(Layout):
    """Vendor capability that says where a structure of the device is (4.1.4)."""

    cap_vndr: u8  #: 0x09
    cap_next: u8
    cap_len: u8
    cfg_type: u8  #: CAP_*
    bar: u8
    id: u8
    reserved_0x6: u16
    offset: u32
    length: u32


@layout(size=20)
class VirtioPciNotifyCap(Layout):
    """Notification capability: address of queue n is offset + queue_notify_off * multiplier."""

    cap: VirtioPciCap
    notify_off_multiplier: u32


@layout(size=20)
class VirtioPciCfgCap(Layout):
    """Access to a BAR through configuration space (4.1.4.9)."""

    cap: VirtioPciCap
    data: u32


@layout(size=64)
class CommonConfig(Layout):
    """Common configuration structure (4.1.4.3)."""

    device_feature_select: u32
    device_feature: u32
    driver_feature_select: u32
    driver_feature: u32
    config_msix_vector: u16
    num_queues: u16
    device_status: u8
    config_generation: u8
    queue_select: u16
    queue_size: u16
    queue_msix_vector: u16
    queue_enable: u16
    queue_notify_off: u16
    queue_desc: u64
    queue_driver: u64
    queue_device: u64
    queue_notify_data: u16
    queue_reset: u16
    reserved_0x3c: u32


# Split queues (2.7).
DESC_F_NEXT: Final = 1
DESC_F_WRITE: Final = 2
DESC_F_INDIRECT: Final = 4
AVAIL_F_NO_INTERRUPT: Final = 1
USED_F_NO_NOTIFY: Final = 1
MAX_QUEUE_SIZE: Final = 256

DESC_ALIGN: Final = 16
AVAIL_ALIGN: Final = 2
USED_ALIGN: Final = 4


@layout(size=16)
class VirtqDesc(Layout):
    """A buffer (2.7.5)."""

    addr: u64  #: physical address of the buffer
    len: u32  #: bytes
    flags: u16  #: DESC_F_*
    next: u16  #: index of the next descriptor, valid if DESC_F_NEXT


@layout(size=8)
class VirtqUsedElem(Layout):
    """A chain the device has done with (2.7.8)."""

    id: u32  #: index of the chain's first descriptor
    len: u32  #: bytes the device wrote


@layout(size=4)
class VirtqUsed(Layout):
    """Head of the used ring (2.7.8); VirtqUsedElem ring[size] follow, then u16 avail_event."""

    flags: Annotated[u16, atomic]
    idx: Annotated[u16, atomic]  #: published last


#: Offset of the first ring element in both rings.
RING_OFFSET: Final = 4


def avail_size(queue_size: int) -> int:
    """Bytes of an available ring with its used_event."""
    return 6 + 2 * queue_size


def used_size(queue_size: int) -> int:
    """Bytes of a used ring with its avail_event."""
    return 6 + 8 * queue_size


# Block device (5.2).
SECTOR_SIZE: Final = 512
BLK_F_SIZE_MAX: Final = 1 << 1
BLK_F_SEG_MAX: Final = 1 << 2
BLK_F_RO: Final = 1 << 5
BLK_F_BLK_SIZE: Final = 1 << 6
BLK_F_FLUSH: Final = 1 << 9
BLK_F_MQ: Final = 1 << 12
BLK_F_DISCARD: Final = 1 << 13
BLK_F_WRITE_ZEROES: Final = 1 << 14

BLK_T_IN: Final = 0
BLK_T_OUT: Final = 1
BLK_T_FLUSH: Final = 4
BLK_T_GET_ID: Final = 8
BLK_T_DISCARD: Final = 11
BLK_T_WRITE_ZEROES: Final = 13

BLK_S_OK: Final = 0
BLK_S_IOERR: Final = 1
BLK_S_UNSUPP: Final = 2

BLK_ID_BYTES: Final = 20


@layout(size=60)
class BlkConfigBody(Layout):
    """Device configuration of a block device (5.2.4), up to write_zeroes_may_unmap."""

    capacity_low: u32  #: sectors of 512 bytes, low half
    capacity_high: u32
    size_max: u32
    seg_max: u32
    cylinders: u16
    heads: u8
    sectors: u8
    blk_size: u32
    physical_block_exp: u8
    alignment_offset: u8
    min_io_size: u16
    opt_io_size: u32
    writeback: u8
    unused0: u8
    num_queues: u16
    max_discard_sectors: u32
    max_discard_seg: u32
    discard_sector_alignment: u32
    max_write_zeroes_sectors: u32
    max_write_zeroes_seg: u32
    write_zeroes_may_unmap: u8
    unused1: u8
    unused2: u16


@layout(size=16)
class BlkRequest(Layout):
    """Header of a request; data and one status byte follow in the chain."""

    type: u32  #: BLK_T_*
    reserved_0x4: u32
    sector: u64


@layout(size=16)
class BlkRange(Layout):
    """A range of DISCARD or WRITE_ZEROES."""

    sector: u64
    num_sectors: u32
    flags: u32  #: bit 0: WRITE_ZEROES may unmap


# Console device (5.3). Queues: port 0 rx 0, tx 1; control rx 2, tx 3; port n rx 2n+2, tx 2n+3.
CONSOLE_F_SIZE: Final = 1 << 0
CONSOLE_F_MULTIPORT: Final = 1 << 1
CONSOLE_F_EMERG_WRITE: Final = 1 << 2

CONSOLE_CONTROL_RX: Final = 2
CONSOLE_CONTROL_TX: Final = 3
CONSOLE_BAD_ID: Final = 0xFFFF_FFFF

CONSOLE_DEVICE_READY: Final = 0
CONSOLE_PORT_ADD: Final = 1
CONSOLE_PORT_REMOVE: Final = 2
CONSOLE_PORT_READY: Final = 3
CONSOLE_CONSOLE_PORT: Final = 4
CONSOLE_RESIZE: Final = 5
CONSOLE_PORT_OPEN: Final = 6
CONSOLE_PORT_NAME: Final = 7


def console_rx_queue(port: int) -> int:
    """Queue on which the driver receives a port's bytes."""
    return 0 if port == 0 else 2 * port + 2


def console_tx_queue(port: int) -> int:
    """Queue on which the driver sends a port's bytes."""
    return console_rx_queue(port) + 1


@layout(size=12)
class ConsoleConfig(Layout):
    """Device configuration of a console (5.3.4)."""

    cols: u16
    rows: u16
    max_nr_ports: u32
    emerg_wr: u32


@layout(size=8)
class ConsoleControl(Layout):
    """A control message; PORT_NAME is followed by the name, RESIZE by ConsoleSize."""

    id: u32  #: port
    event: u16  #: CONSOLE_*
    value: u16


@layout(size=4)
class ConsoleSize(Layout):
    """Size of a console port, after a RESIZE message (cols first, as Linux reads it).

    0 x 0 here: no terminal is at the host's end.
    """

    cols: u16
    rows: u16

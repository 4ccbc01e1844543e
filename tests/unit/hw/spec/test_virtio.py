"""Virtio's formats and numbers against the headers that Linux publishes for its own drivers."""

import pytest

from hw.spec import virtio
from hw.spec.layout import Layout
from tests.support import host_headers

BLK, CONSOLE, RING = "linux/virtio_blk.h", "linux/virtio_console.h", "linux/virtio_ring.h"
PCI = "linux/virtio_pci.h"

NUMBERS = {
    "TYPE_BLK": "VIRTIO_ID_BLOCK", "TYPE_CONSOLE": "VIRTIO_ID_CONSOLE", "TYPE_RNG": "VIRTIO_ID_RNG",
    "STATUS_ACKNOWLEDGE": "VIRTIO_CONFIG_S_ACKNOWLEDGE", "STATUS_DRIVER": "VIRTIO_CONFIG_S_DRIVER",
    "STATUS_DRIVER_OK": "VIRTIO_CONFIG_S_DRIVER_OK", "STATUS_FAILED": "VIRTIO_CONFIG_S_FAILED",
    "STATUS_FEATURES_OK": "VIRTIO_CONFIG_S_FEATURES_OK",
    "STATUS_NEEDS_RESET": "VIRTIO_CONFIG_S_NEEDS_RESET",
    "F_INDIRECT_DESC": "1ULL << VIRTIO_RING_F_INDIRECT_DESC",
    "F_EVENT_IDX": "1ULL << VIRTIO_RING_F_EVENT_IDX", "F_VERSION_1": "1ULL << VIRTIO_F_VERSION_1",
    "CAP_COMMON": "VIRTIO_PCI_CAP_COMMON_CFG", "CAP_NOTIFY": "VIRTIO_PCI_CAP_NOTIFY_CFG",
    "CAP_ISR": "VIRTIO_PCI_CAP_ISR_CFG", "CAP_DEVICE": "VIRTIO_PCI_CAP_DEVICE_CFG",
    "CAP_PCI_CFG": "VIRTIO_PCI_CAP_PCI_CFG", "NO_VECTOR": "VIRTIO_MSI_NO_VECTOR",
    "ISR_CONFIG": "VIRTIO_PCI_ISR_CONFIG", "DESC_F_NEXT": "VRING_DESC_F_NEXT",
    "DESC_F_WRITE": "VRING_DESC_F_WRITE", "DESC_F_INDIRECT": "VRING_DESC_F_INDIRECT",
    "AVAIL_F_NO_INTERRUPT": "VRING_AVAIL_F_NO_INTERRUPT",
    "USED_F_NO_NOTIFY": "VRING_USED_F_NO_NOTIFY", "DESC_ALIGN": "VRING_DESC_ALIGN_SIZE",
    "AVAIL_ALIGN": "VRING_AVAIL_ALIGN_SIZE", "USED_ALIGN": "VRING_USED_ALIGN_SIZE",
    **{f"BLK_F_{n}": f"1 << VIRTIO_BLK_F_{n}"
       for n in ("SIZE_MAX", "SEG_MAX", "RO", "BLK_SIZE", "FLUSH", "MQ", "DISCARD",
                 "WRITE_ZEROES")},
    **{f"BLK_T_{n}": f"VIRTIO_BLK_T_{n}"
       for n in ("IN", "OUT", "FLUSH", "GET_ID", "DISCARD", "WRITE_ZEROES")},
    **{f"BLK_S_{n}": f"VIRTIO_BLK_S_{n}" for n in ("OK", "IOERR", "UNSUPP")},
    "BLK_ID_BYTES": "VIRTIO_BLK_ID_BYTES", "CONSOLE_BAD_ID": "VIRTIO_CONSOLE_BAD_ID",
    **{f"CONSOLE_F_{n}": f"1 << VIRTIO_CONSOLE_F_{n}"
       for n in ("SIZE", "MULTIPORT", "EMERG_WRITE")},
    **{f"CONSOLE_{n}": f"VIRTIO_CONSOLE_{n}"
       for n in ("DEVICE_READY", "PORT_ADD", "PORT_REMOVE", "PORT_READY", "CONSOLE_PORT", "RESIZE",
                 "PORT_OPEN", "PORT_NAME")},
}  # fmt: skip

BLK_CONFIG = {
    "capacity_low": "capacity", "size_max": "size_max", "seg_max": "seg_max",
    "cylinders": "geometry.cylinders", "heads": "geometry.heads", "sectors": "geometry.sectors",
    "blk_size": "blk_size", "physical_block_exp": "physical_block_exp",
    "alignment_offset": "alignment_offset", "min_io_size": "min_io_size",
    "opt_io_size": "opt_io_size", "writeback": "wce", "num_queues": "num_queues",
    "max_discard_sectors": "max_discard_sectors", "max_discard_seg": "max_discard_seg",
    "discard_sector_alignment": "discard_sector_alignment",
    "max_write_zeroes_sectors": "max_write_zeroes_sectors",
    "max_write_zeroes_seg": "max_write_zeroes_seg",
    "write_zeroes_may_unmap": "write_zeroes_may_unmap",
}  # fmt: skip
COMMON = {
    "device_feature_select": "DFSELECT", "device_feature": "DF",
    "driver_feature_select": "GFSELECT", "driver_feature": "GF", "config_msix_vector": "MSIX",
    "num_queues": "NUMQ",
    "device_status": "STATUS", "config_generation": "CFGGENERATION", "queue_select": "Q_SELECT",
    "queue_size": "Q_SIZE", "queue_msix_vector": "Q_MSIX", "queue_enable": "Q_ENABLE",
    "queue_notify_off": "Q_NOFF", "queue_desc": "Q_DESCLO", "queue_driver": "Q_AVAILLO",
    "queue_device": "Q_USEDLO", "queue_notify_data": "Q_NDATA", "queue_reset": "Q_RESET",
}  # fmt: skip


def same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def test_numbers_are_those_of_linux():
    headers = (BLK, CONSOLE, RING, PCI, "linux/virtio_ids.h", "linux/virtio_config.h")
    theirs = host_headers.named_values(headers, NUMBERS.values())
    ours = {name: getattr(virtio, name) for name in NUMBERS}
    assert ours == {name: theirs[NUMBERS[name]] for name in NUMBERS}


@pytest.mark.parametrize(
    ("kind", "header", "struct", "fields"),
    [
        (virtio.VirtqDesc, RING, "vring_desc", same("addr", "len", "flags", "next")),
        (virtio.VirtqUsedElem, RING, "vring_used_elem", same("id", "len")),
        (virtio.BlkConfigBody, BLK, "virtio_blk_config", BLK_CONFIG),
        (virtio.BlkRequest, BLK, "virtio_blk_outhdr", same("type", "sector")),
        (virtio.BlkRange, BLK, "virtio_blk_discard_write_zeroes",
         same("sector", "num_sectors", "flags")),
        (virtio.ConsoleConfig, CONSOLE, "virtio_console_config",
         same("cols", "rows", "max_nr_ports") | {"emerg_wr": "emerg_wr"}),
        (virtio.ConsoleControl, CONSOLE, "virtio_console_control", same("id", "event", "value")),
        (virtio.VirtioPciNotifyCap, PCI, "virtio_pci_notify_cap",
         {"notify_off_multiplier": "notify_off_multiplier"}),
        (virtio.VirtioPciCfgCap, PCI, "virtio_pci_cfg_cap", {"data": "pci_cfg_data"}),
        (virtio.VirtioPciCap, PCI, "virtio_pci_cap",
         same("cap_vndr", "cap_next", "cap_len", "cfg_type", "bar", "id", "offset", "length")),
    ],
)  # fmt: skip
def test_structs_are_those_of_linux(
    kind: type[Layout], header: str, struct: str, fields: dict[str, str]
):
    theirs = host_headers.offsets(header, struct, fields.values())
    assert {ours: kind.offset_of(ours) for ours in fields} == {
        ours: theirs[field] for ours, field in fields.items()
    }
    if kind is not virtio.BlkConfigBody:  # Linux's goes on after what virtio 1.2 lists
        assert theirs[""] == kind.SIZE


def test_common_configuration_is_that_of_linux():
    theirs = host_headers.named_values([PCI], [f"VIRTIO_PCI_COMMON_{n}" for n in COMMON.values()])
    ours = [virtio.CommonConfig.offset_of(name) for name in COMMON]
    assert ours == list(theirs.values())


@pytest.mark.parametrize("size", [1, 2, 8, 256])
def test_ring_sizes_are_those_of_linux(size: int):
    avail = f"sizeof(struct vring_avail) + {size} * 2 + 2"
    used = f"offsetof(struct vring_used, ring) + {size} * sizeof(struct vring_used_elem) + 2"
    assert host_headers.named_values([RING], [avail, used]) == {
        avail: virtio.avail_size(size),
        used: virtio.used_size(size),
    }


def test_console_queues_of_the_ports_and_of_control_are_all_different():
    assert [virtio.console_rx_queue(p) for p in range(4)] == [0, 4, 6, 8]
    assert [virtio.console_tx_queue(p) for p in range(4)] == [1, 5, 7, 9]
    taken = {f(p) for p in range(8) for f in (virtio.console_rx_queue, virtio.console_tx_queue)}
    assert taken | {virtio.CONSOLE_CONTROL_RX, virtio.CONSOLE_CONTROL_TX} == set(range(18))

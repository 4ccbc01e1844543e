"""What stat, getdents64 and statfs give is laid out as on the host."""

import os
import stat as host

from mpkernel.abi import stat
from tests.support.host_headers import misplaced


def test_structures_are_laid_out_as_the_hosts():
    names = {
        f"st_{c}time{end}": f"st_{c}tim.tv_{'nsec' if end else 'sec'}"
        for c in "amc"
        for end in ("", "_nsec")
    }
    assert not misplaced(stat.Stat, "struct stat", ["sys/stat.h"], names)
    assert not misplaced(stat.StatFs, "struct statfs", ["sys/vfs.h"])
    names = {"d_name_first": "d_name[0]"}
    found = misplaced(stat.Dirent64Head, "struct dirent64", ["dirent.h"], names)
    assert not [what for what in found if what.endswith("offset")]
    assert stat.DIRENT_NAME == 19


def test_kinds_are_the_hosts():
    for name in ("S_IFIFO", "S_IFCHR", "S_IFDIR", "S_IFBLK", "S_IFREG", "S_IFLNK", "S_IFSOCK"):
        assert getattr(stat, name) == getattr(host, name)
        assert stat.dirent_type(getattr(stat, name) | 0o7777) == getattr(host, name) >> 12


def test_device_numbers_are_the_hosts():
    for major, minor in ((1, 3), (254, 16), (4095, 255), (7, 256), (300, 0xFFFFF)):
        assert stat.device_number(major, minor) == os.makedev(major, minor)

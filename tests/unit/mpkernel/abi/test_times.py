"""Structures of time and resources are the host's."""

import pytest

from mpkernel.abi import times
from tests.support.host_headers import differing, misplaced, values

HEADERS = ["time.h", "sys/resource.h", "sys/times.h", "sys/sysinfo.h", "sys/utsname.h"]


def test_constants_are_the_hosts():
    own = {"NS_PER_S", "RLIMIT_COUNT", "UTS_FIELD"}
    assert not differing(times, HEADERS, without=own)
    fields = ["RLIM_NLIMITS", "sizeof(struct utsname) / 6"]
    assert values(HEADERS, fields) == [times.RLIMIT_COUNT, times.UTS_FIELD]


@pytest.mark.parametrize(
    ("layout", "c_type", "names"),
    [
        (times.TimeSpec, "struct timespec", {}),
        (times.TimeVal, "struct timeval", {}),
        (times.ResourceLimit, "struct rlimit64", {}),
        (times.ProcessTimes, "struct tms", {}),
        (times.SystemInfo, "struct sysinfo", {}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_structures_are_laid_out_as_the_hosts(layout, c_type, names):
    assert not misplaced(layout, c_type, HEADERS, names)


def test_resource_usage_has_the_hosts_size_and_times():
    assert values(HEADERS, ["sizeof(struct rusage)", "offsetof(struct rusage, ru_maxrss)"]) == [
        times.ResourceUsage.SIZE,
        times.ResourceUsage.offset_of("counts"),
    ]

"""Futex: sleep while a user word has a value; wake those who sleep for it.

A waiter is listed first and looks at the word then, so that whoever changes the word and wakes
finds it. Its memory is freed under the bucket's lock, so no waker can still be using it.

    key = (address space, address), or (page cache, byte of it) for a word of a shared mapping

Spec: Linux futex(2). State: RAM. Locks: Bucket.lock, over WaitQueue.lock.
Context: task; may sleep.
"""

from typing import Annotated, Final

from hw.spec.layout import Layout, fixed, guarded_by, layout, u32, u64
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.collections.list import ListNode
from mpkernel.mm import slab
from mpkernel.mm.address_space import AddressSpace, find_vma
from mpkernel.mm.user_memory import get_u32
from mpkernel.sched.task import current
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

BUCKETS: Final = 64
ANY: Final = 0xFFFFFFFF

Key = tuple[int, int]


@layout()
class Bucket(Layout):
    """Waiters whose keys have one hash."""

    lock: Spinlock
    waiters: Annotated[ListNode, guarded_by("lock")]


@layout()
class FutexWaiter(Layout):
    """One task that waits."""

    node: Annotated[ListNode, guarded_by("Bucket.lock")]
    space: Annotated[u64, guarded_by("Bucket.lock")]
    address: Annotated[u64, guarded_by("Bucket.lock")]
    bits: Annotated[u32, fixed]
    is_woken: Annotated[u32, guarded_by("Bucket.lock")]
    bucket: Annotated[u32, guarded_by("Bucket.lock")]  #: changes when requeued
    queue: WaitQueue


_TABLE: Final = memory.static_array(Bucket, BUCKETS)
WAITERS: Final = slab.cache("futex_waiter", FutexWaiter)


def init() -> None:
    """Make all buckets empty. Once, at boot."""
    for bucket in _TABLE:
        bucket.lock.init(ranks.FUTEX)
        bucket.waiters.init()


async def key_of(address: int, *, is_shared: bool) -> Key:
    """The key of a word of the current task's address space.

    ``is_shared``: other address spaces may wait for it too, if it is in a shared mapping.

    Raises:
        SysError: EINVAL, it is not aligned.
    """
    if address & 3:
        raise SysError(Errno.EINVAL)
    where = current().address_space
    if is_shared:
        space = AddressSpace.at(where)
        async with space.lock.killable():
            vma = find_vma(space, address)
            if vma is not None and vma.is_shared and vma.cache:
                return vma.cache, vma.offset + address - vma.start
    return where, address


def _hash(key: Key) -> int:
    return ((key[0] >> 6) ^ (key[1] >> 2) ^ (key[1] >> 9)) % BUCKETS


async def wait(
    address: int,
    expected: int,
    bits: int = ANY,
    deadline_ns: int | None = None,
    *,
    is_shared: bool = False,
) -> None:
    """Sleep until woken, while the word is ``expected``.

    Raises:
        SysError: EAGAIN, the word has another value; ETIMEDOUT; EFAULT; EINVAL.
        Interrupted: a signal came.
    """
    if not bits:
        raise SysError(Errno.EINVAL)
    key = await key_of(address, is_shared=is_shared)
    await get_u32(address)
    waiter = FutexWaiter.at(WAITERS.alloc())
    waiter.queue.init()
    waiter.space, waiter.address, waiter.bits = key[0], key[1], bits
    waiter.bucket = _hash(key)
    bucket = _TABLE[waiter.bucket]
    with bucket.lock:
        bucket.waiters.append(waiter.node)
    failure: SysError | None = None
    try:
        if await get_u32(address) != expected:
            failure = SysError(Errno.EAGAIN)
        elif not await waiter.queue.wait_until(lambda: waiter.is_woken, deadline_ns=deadline_ns):
            failure = SysError(Errno.ETIMEDOUT)
    except SysError as error:
        failure = error
    was_woken = _leave(waiter)
    if failure is not None and not was_woken:
        raise failure


def _leave(waiter: FutexWaiter) -> bool:
    """End a wait and free the waiter; whether it was woken."""
    while True:
        index = waiter.bucket
        with _TABLE[index].lock:
            if waiter.bucket != index:
                continue
            woken = bool(waiter.is_woken)
            if not woken:
                waiter.node.remove()
            WAITERS.free(waiter.phys)
            return woken


async def wake(address: int, most: int, bits: int = ANY, *, is_shared: bool = False) -> int:
    """Wake up to ``most`` waiters of a word; return how many."""
    key = await key_of(address, is_shared=is_shared)
    bucket = _TABLE[_hash(key)]
    with bucket.lock:
        return _wake_locked(bucket, key, most, bits)


def _wake_locked(bucket: Bucket, key: Key, most: int, bits: int) -> int:
    woken = 0
    for waiter in bucket.waiters.objects(FutexWaiter, "node"):
        if woken >= most:
            break
        if (waiter.space, waiter.address) == key and waiter.bits & bits:
            waiter.node.remove()
            waiter.is_woken = 1
            waiter.queue.wake_one()
            woken += 1
    return woken


async def requeue(
    address: int,
    most: int,
    target: int,
    move: int,
    expected: int | None = None,
    *,
    is_shared: bool = False,
) -> int:
    """Wake up to ``most`` waiters and let up to ``move`` others wait for ``target`` instead.

    Return the number woken and moved.

    Raises:
        SysError: EAGAIN, the word is not ``expected``.
    """
    key = await key_of(address, is_shared=is_shared)
    other_key = await key_of(target, is_shared=is_shared)
    if expected is not None and await get_u32(address) != expected:
        raise SysError(Errno.EAGAIN)
    first, second = sorted((_hash(key), _hash(other_key)))
    with _TABLE[first].lock:
        if first == second:
            return _requeue_locked(key, other_key, most, move)
        _TABLE[second].lock.acquire(nested=True)
        try:
            return _requeue_locked(key, other_key, most, move)
        finally:
            _TABLE[second].lock.release()


def _requeue_locked(key: Key, other_key: Key, most: int, move: int) -> int:
    bucket, index = _TABLE[_hash(key)], _hash(other_key)
    done = _wake_locked(bucket, key, most, ANY)
    moved = 0
    for waiter in bucket.waiters.objects(FutexWaiter, "node"):
        if moved >= move:
            break
        if (waiter.space, waiter.address) == key:
            waiter.node.remove()
            waiter.space, waiter.address = other_key
            waiter.bucket = index
            _TABLE[index].waiters.append(waiter.node)
            moved += 1
    return done + moved

"""The two hot paths of the doorbell as native code, each with its plain twin.

Why: an interrupt to a sleeping core costs two system calls and a switch of the host's processes,
about 5 us; the same steps one by one from Python would add as much again.

State: none; both work on words of board memory by host address.
Locks: none; every step that another process looks at is an atomic. Context: any.
"""

import ctypes
import hashlib
from typing import Final

from hw import atomics, host, native
from hw.irq.party import MODE_HALTED, MODE_KERNEL, MODE_RUNG
from hw.ram import PENDING_CODE_WRITTEN, PENDING_EXCLUSIVE
from hw.spec.layout import DIRECT_MAP

_SYS_MQ_TIMEDSEND: Final = 242
_SYS_MQ_TIMEDRECEIVE: Final = 243
_SYS_PPOLL: Final = 271
#: A core need not be awake to hear that code was written, or that another wants to be alone: it
#: looks before it runs any.
_WAKES: Final = ~(PENDING_CODE_WRITTEN | PENDING_EXCLUSIVE)

_IR: Final = f"""
declare i64 @syscall(i64, ...)

define i64 @doorbell_post(ptr %word, i64 %bits, ptr %pending, i64 %why, ptr %mode, i64 %fd) {{
  %byte = alloca i64
  %past = alloca [2 x i64]
  %a = atomicrmw or ptr %word, i64 %bits seq_cst
  %b = atomicrmw or ptr %pending, i64 %why seq_cst
  %m = load atomic i64, ptr %mode seq_cst, align 8
  %asleep = icmp eq i64 %m, {MODE_HALTED}
  br i1 %asleep, label %wake, label %running
running:
  ret i64 0
wake:
  %c = cmpxchg ptr %mode, i64 {MODE_HALTED}, i64 {MODE_RUNG} seq_cst seq_cst
  %mine = extractvalue {{ i64, i1 }} %c, 1
  br i1 %mine, label %ring, label %running
ring:
  store i64 0, ptr %byte
  store [2 x i64] zeroinitializer, ptr %past
  %r = call i64 (i64, ...) @syscall(i64 {_SYS_MQ_TIMEDSEND}, i64 %fd, ptr %byte, i64 1,
                                    i64 0, ptr %past)
  ret i64 1
}}

define i64 @doorbell_sleep(ptr %mode, ptr %pending, ptr %polls, ptr %timeout, i64 %fd) {{
  %byte = alloca i64
  %past = alloca [2 x i64]
  store [2 x i64] zeroinitializer, ptr %past
  %a = atomicrmw xchg ptr %mode, i64 {MODE_HALTED} seq_cst
  %p = load atomic i64, ptr %pending seq_cst, align 8
  %q = and i64 %p, {_WAKES}
  %nothing = icmp eq i64 %q, 0
  br i1 %nothing, label %wait, label %up
wait:
  %n = call i64 (i64, ...) @syscall(i64 {_SYS_PPOLL}, ptr %polls, i64 2, ptr %timeout,
                                    i64 0, i64 8)
  br label %up
up:
  %ready = phi i64 [ 0, %0 ], [ %n, %wait ]
  %b = atomicrmw xchg ptr %mode, i64 {MODE_KERNEL} seq_cst
  %rung = icmp eq i64 %b, {MODE_RUNG}
  %some = icmp sgt i64 %ready, 0
  %take = or i1 %rung, %some
  br i1 %take, label %receive, label %done
receive:
  %r = call i64 (i64, ...) @syscall(i64 {_SYS_MQ_TIMEDRECEIVE}, i64 %fd, ptr %byte, i64 1,
                                    i64 0, ptr %past)
  br label %done
done:
  %result = zext i1 %some to i64
  ret i64 %result
}}
"""
_AT: Final = native.load(
    hashlib.sha256(_IR.encode()).hexdigest(), ["doorbell_post", "doorbell_sleep"], lambda: _IR
)
_W: Final = ctypes.c_uint64

#: post(word, bits, pending, why, mode, queue fd): set bits in a word, then ``why`` in the pending
#: word; if the owner of ``mode`` sleeps and nobody else has rung, send it a message. 1 if sent.
post: Final = native.function(_AT["doorbell_post"], _W, _W, _W, _W, _W, _W, _W)
#: sleep(mode, pending, polls, timeout, queue fd): publish HALTED, wait with ppoll on two PollFd
#: unless something is pending, publish KERNEL, take the message; 1 if a descriptor was ready.
#: ``timeout`` is the address of a TimeSpec, 0 for ever.
sleep: Final = native.function(_AT["doorbell_sleep"], _W, _W, _W, _W, _W, _W)


def plain_post(word: int, bits: int, pending: int, why: int, mode: int, fd: int) -> int:
    """Do what ``post`` does, step by step."""
    atomics.or64(word - DIRECT_MAP, bits)
    atomics.or64(pending - DIRECT_MAP, why)
    if atomics.load64(mode - DIRECT_MAP) != MODE_HALTED:
        return 0
    if atomics.cas64(mode - DIRECT_MAP, MODE_HALTED, MODE_RUNG) != MODE_HALTED:
        return 0
    host.queue_send(fd)
    return 1


def plain_sleep(mode: int, pending: int, polls: int, timeout: int, fd: int) -> int:
    """Do what ``sleep`` does, step by step."""
    atomics.xchg64(mode - DIRECT_MAP, MODE_HALTED)
    ready = 0
    if not atomics.load64(pending - DIRECT_MAP) & _WAKES:
        ready = host.poll_at(polls, 2, timeout)
    if atomics.xchg64(mode - DIRECT_MAP, MODE_KERNEL) == MODE_RUNG or ready:
        host.queue_take(fd)
    return int(ready > 0)

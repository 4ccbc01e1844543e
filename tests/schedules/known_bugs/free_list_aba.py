"""A lock-free free list: its head is the same again, and what stands behind it is not (ABA)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "dfs", 3000
END = 9


def setup(k):
    links = [k.word(1), k.word(2), k.word(END)]
    return SimpleNamespace(head=k.word(0), next=links, taken=[k.word() for _ in range(3)])


def take(s, node):
    assert s.taken[node].xchg(1) == 0, "a node is handed out twice"


def pop(k, s):
    """The head is a node's number."""
    while (node := s.head.load()) != END:
        behind = s.next[node].load()
        if s.head.cas(node, behind) == node:
            take(s, node)
            return node
    return END


def pop_counted(k, s):
    """The head also counts changes."""
    while (head := s.head.load()) & 0xF != END:
        node = head & 0xF
        behind = s.next[node].load()
        if s.head.cas(head, (head & ~0xF) + 0x10 | behind) == head:
            take(s, node)
            return node
    return END


def core0(k, s):
    pop(k, s)
    pop(k, s)


def core0_repaired(k, s):
    pop_counted(k, s)
    pop_counted(k, s)


def core1(k, s):
    first = pop(k, s)
    pop(k, s)
    if first != END:
        s.taken[first].store(0)
        s.next[first].store(s.head.load())
        s.head.store(first)


def core1_repaired(k, s):
    first = pop_counted(k, s)
    pop_counted(k, s)
    if first != END:
        s.taken[first].store(0)
        while True:
            head = s.head.load()
            s.next[first].store(head & 0xF)
            if s.head.cas(head, (head & ~0xF) + 0x10 | first) == head:
                return

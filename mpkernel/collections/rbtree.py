"""Red-black tree through the objects themselves, ordered by a 64-bit key in the node.

    @layout()
    class Vma(Layout):
        tree_node: RbNode

    vma.tree_node.key = start
    tree.insert(vma.tree_node)
    address = tree.floor(key)       # the node with the greatest key that is not above, 0 for none

No red node has a red child, and all paths down have as many black nodes: so the longest is at most
twice the shortest. Addresses are physical, 0 is none (and black).

Spec: Cormen et al., Introduction to Algorithms, chapter 13.
State: RAM. Locks: the tree's owner names one. Context: any.
"""

from hw.spec.layout import Layout, layout, u32, u64


@layout(size=40)
class RbNode(Layout):
    """A node; a field of what is ordered."""

    parent: u64
    left: u64
    right: u64
    key: u64  #: unique in the tree; set before ``insert``
    is_red: u64


@layout(size=16)
class RbTree(Layout):
    """The tree. All zero is an empty one."""

    root: u64
    count: u32
    reserved_0x00c: u32

    def floor(self, key: int) -> int:
        """Address of the node with the greatest key <= ``key``; 0 for none."""
        best = 0
        addr: int = self.root
        while addr:
            node = RbNode.at(addr)
            if node.key <= key:
                best = addr
                addr = node.right
            else:
                addr = node.left
        return best

    def insert(self, node: RbNode) -> None:
        """Add a node whose key is not there yet."""
        key, new = node.key, node.phys
        parent = 0
        addr: int = self.root
        while addr:
            parent = addr
            here = RbNode.at(addr)
            assert here.key != key, f"key {key:#x} is in the tree"
            addr = here.left if key < here.key else here.right
        node.parent, node.left, node.right, node.is_red = parent, 0, 0, 1
        if not parent:
            self.root = new
        elif key < RbNode.at(parent).key:
            RbNode.at(parent).left = new
        else:
            RbNode.at(parent).right = new
        self.count += 1
        self._balance_after_insert(new)

    def remove(self, node: RbNode) -> None:
        """Take a node out."""
        self.count -= 1
        if node.left and node.right:
            addr: int = node.right
            while (here := RbNode.at(addr)).left:
                addr = here.left
            child, parent, is_red = here.right, here.parent, here.is_red
            if parent == node.phys:
                parent = addr
            else:
                self._put_in_place(addr, child, parent)
                here.right = node.right
                RbNode.at(here.right).parent = addr
            self._put_in_place(node.phys, addr, node.parent)
            here.left = node.left
            RbNode.at(here.left).parent = addr
            here.is_red = node.is_red
        else:
            child, parent, is_red = node.left or node.right, node.parent, node.is_red
            self._put_in_place(node.phys, child, parent)
        if not is_red:
            self._balance_after_remove(child, parent)

    def _put_in_place(self, old: int, new: int, parent: int) -> None:
        """Let ``parent`` have ``new`` (0: nothing) where it had ``old``."""
        if not parent:
            self.root = new
        else:
            above = RbNode.at(parent)
            if above.left == old:
                above.left = new
            else:
                above.right = new
        if new:
            RbNode.at(new).parent = parent

    def _rotate(self, addr: int, *, is_left: bool) -> None:
        """Turn a node and its child on one side around; left: the right child comes up."""
        node = RbNode.at(addr)
        up: int = node.right if is_left else node.left
        risen = RbNode.at(up)
        inner: int = risen.left if is_left else risen.right
        self._put_in_place(addr, up, node.parent)
        if is_left:
            node.right, risen.left = inner, addr
        else:
            node.left, risen.right = inner, addr
        node.parent = up
        if inner:
            RbNode.at(inner).parent = addr

    def _balance_after_insert(self, addr: int) -> None:
        """Mend a red node that may have a red parent."""
        while True:
            node = RbNode.at(addr)
            if not node.parent:
                break
            parent = RbNode.at(node.parent)
            if not parent.is_red:
                break
            above: int = parent.parent
            grand = RbNode.at(above)
            is_left = grand.left == node.parent
            uncle: int = grand.right if is_left else grand.left
            if uncle and RbNode.at(uncle).is_red:
                parent.is_red = RbNode.at(uncle).is_red = 0
                grand.is_red = 1
                addr = above
                continue
            if addr == (parent.right if is_left else parent.left):
                self._rotate(node.parent, is_left=is_left)
                parent = node
            parent.is_red = 0
            grand.is_red = 1
            self._rotate(above, is_left=not is_left)
            break
        RbNode.at(self.root).is_red = 0

    def _balance_after_remove(self, addr: int, parent: int) -> None:
        """Mend a subtree at ``addr`` (0: empty) that lacks one black node."""
        while parent and not (addr and RbNode.at(addr).is_red):
            above = RbNode.at(parent)
            is_left = above.left == addr
            beside = RbNode.at(above.right if is_left else above.left)
            if beside.is_red:
                beside.is_red, above.is_red = 0, 1
                self._rotate(parent, is_left=is_left)
                beside = RbNode.at(above.right if is_left else above.left)
            near: int = beside.left if is_left else beside.right
            far: int = beside.right if is_left else beside.left
            if not _is_red(near) and not _is_red(far):
                beside.is_red = 1
                addr, parent = parent, above.parent
                continue
            if not _is_red(far):
                RbNode.at(near).is_red, beside.is_red = 0, 1
                self._rotate(beside.phys, is_left=not is_left)
                beside = RbNode.at(near)
                far = beside.right if is_left else beside.left
            beside.is_red, above.is_red = above.is_red, 0
            RbNode.at(far).is_red = 0
            self._rotate(parent, is_left=is_left)
            addr = self.root
            break
        if addr:
            RbNode.at(addr).is_red = 0


def _is_red(addr: int) -> bool:
    return bool(addr and RbNode.at(addr).is_red)

"""The built-in root image: the user programs and a few small files, on ext2.

    /bin     the programs          /etc    motd, passwd, group, hostname
    /dev     devfs goes here       /proc   procfs goes here
    /tmp     tmpfs goes here       /root   home of the one user

It is made once for each state of the programs and of the image writer, and kept in the user's
cache directory; whoever boots from it works on a copy.

State: the cache directory. Context: the host, before the machine.
"""

import hashlib
from pathlib import Path
from typing import Final

from guests import build
from mpkernel.fs.ext2 import layout
from mpkernel.tools import ext2_geometry, ext2_writer, file_tree, mkfs
from mpkernel.tools.file_tree import Directory, ImageError, Node, regular

SIZE_BYTES: Final = 16 << 20
BLOCK_SIZE: Final = 4096  #: a block is a page

MOTD: Final = b"Welcome to mpkernel. `ls /bin` shows the programs, `exit` or Ctrl-D powers off.\n"
_FILES: Final = {
    b"motd": MOTD,
    b"passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    b"group": b"root:x:0:\n",
    b"hostname": b"mpkernel\n",
}
_WRITERS: Final = (layout, ext2_geometry, ext2_writer, file_tree, mkfs)


def root_image(progress: build.Progress = build.quiet) -> Path:
    """Path of the image, made if need be. Not to be written to.

    Raises:
        BuildError: the programs cannot be compiled.
        ImageError: the image cannot be written.
    """
    programs = build.programs(progress)
    path = build.cache_directory() / f"root-{_image_hash()}.img"
    if not path.exists():
        progress("making the root image (once)")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImageError(f"cannot write {path}: {error.strerror}") from None
        mkfs.make_tree_image(path, SIZE_BYTES, BLOCK_SIZE, root_tree(programs))
    return path


def root_tree(programs: Path) -> Directory:
    """The tree of the root image, with the programs of a folder."""
    binaries: dict[bytes, Node] = {
        name.encode(): regular(programs / name, mode=0o755) for name in build.program_names()
    }
    settings: dict[bytes, Node] = {name: regular(content) for name, content in _FILES.items()}
    return Directory(
        entries={
            b"bin": Directory(entries=binaries),
            b"etc": Directory(entries=settings),
            b"dev": Directory(),
            b"proc": Directory(),
            b"root": Directory(mode=0o040700),
            b"tmp": Directory(mode=0o041777),
        }
    )


def _image_hash() -> str:
    """Name of this state of the programs, the tree and the writer."""
    digest = hashlib.sha256(build.source_hash().encode())
    for module in _WRITERS:
        digest.update(Path(module.__file__ or "").read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()[:24]

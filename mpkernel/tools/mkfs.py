"""Makes ext2 images: empty, from a host folder, or from a tree put together in a program.

It needs no right and no tool of the host. The image appears under its name only when complete.

State: the image file. Context: the host.
"""

import os
import stat
import tempfile
from pathlib import Path

from mpkernel.fs.ext2.layout import MAX_BLOCK_SIZE
from mpkernel.tools.ext2_geometry import plan
from mpkernel.tools.ext2_writer import LOST_AND_FOUND, ImageWriter
from mpkernel.tools.file_tree import Directory, ImageError, read_folder, walk

BLOCK_SIZES = (1024, 2048, 4096)


def make_image(
    path: Path, size_bytes: int, block_size: int = MAX_BLOCK_SIZE, source_dir: Path | None = None
) -> None:
    """Write an ext2 image of ``size_bytes`` to ``path``, with the files below ``source_dir``.

    Modes, owners, times of change, hard links and holes are kept. A regular file that ``path``
    names is replaced.

    Raises:
        ImageError: the size or block size is wrong, the files do not fit or cannot be read, or
            ``path`` cannot be written.
    """
    if source_dir is not None and source_dir.resolve() in path.resolve().parents:
        raise ImageError(f"{path} lies in {source_dir}: the image would contain itself")
    root = Directory() if source_dir is None else read_folder(source_dir)
    make_tree_image(path, size_bytes, block_size, root)


def make_tree_image(path: Path, size_bytes: int, block_size: int, root: Directory) -> None:
    """Write an ext2 image of the tree ``root``; it gets a ``lost+found`` if it has none.

    Raises:
        ImageError: as ``make_image``.
    """
    if block_size not in BLOCK_SIZES:
        raise ImageError(f"block size {block_size} is not 1024, 2048 or {MAX_BLOCK_SIZE}")
    lost = root.entries.setdefault(LOST_AND_FOUND, Directory(stat.S_IFDIR | 0o700))
    if not isinstance(lost, Directory):
        raise ImageError("/lost+found must be a directory")
    geometry = plan(size_bytes, block_size, sum(1 for _ in walk(root)))
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            raise ImageError(f"{path} exists and is not a regular file")
        fd, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise ImageError(f"cannot write {path}: {error.strerror}") from None
    try:
        os.ftruncate(fd, size_bytes)
        ImageWriter(fd, geometry).write(root)
        os.fchmod(fd, 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        os.unlink(temporary)
        raise ImageError(f"cannot write {path}: {error.strerror}") from None
    except BaseException:
        os.unlink(temporary)
        raise
    finally:
        os.close(fd)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""File systems for the tests of fs: an image with a known tree, mounted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mpkernel.fs import mount
from mpkernel.tools.mkfs import make_image
from tests.support.files import file_kernel
from tests.support.kernel_cpu import KernelCpu


@pytest.fixture(scope="session")
def root_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with programs, text, links and a large file."""
    base = tmp_path_factory.mktemp("root")
    tree = base / "tree"
    for name in ("bin", "etc", "dev", "proc", "tmp"):
        (tree / name).mkdir(parents=True)
    (tree / "bin/hello").write_bytes(bytes(range(256)) * 80)
    (tree / "etc/motd").write_bytes(b"welcome\n")
    (tree / "etc/motto").symlink_to("motd")
    (tree / "etc/top").symlink_to("/etc/motd")
    (tree / "etc/loop").symlink_to("loop")
    (tree / "etc/nowhere").symlink_to("absent")
    (tree / "etc/self").symlink_to("../etc")
    (tree / "large").write_bytes(b"".join(bytes([n % 251]) * 1000 for n in range(500)))
    with (tree / "holes").open("wb") as file:
        file.seek(10_000)
        file.write(b"x" * 5000)
    image = base / "image"
    make_image(image, 4 << 20, 1024, tree)
    return image


@pytest.fixture
def mounted(root_image: Path) -> Iterator[KernelCpu]:
    """A kernel CPU with everything mounted."""
    with file_kernel(root_image) as kernel:
        kernel.run_one(mount.mount_all("vda"))
        yield kernel


@pytest.fixture
def bare() -> Iterator[KernelCpu]:
    """A kernel CPU with an empty tmpfs as its root, and all else mounted."""
    with file_kernel() as kernel:
        kernel.run_one(mount.mount_all(""))
        yield kernel

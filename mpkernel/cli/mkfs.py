"""``mpkernel mkfs``: an ext2 image, empty or from a folder.

State: none. Context: the host; no machine is involved.
"""

from pathlib import Path

import click

from mpkernel.cli.options import Size


@click.command(
    short_help="Make an ext2 image, empty or from a folder.",
    epilog="""\b
Examples:
  mpkernel mkfs data.img --size 64M
  mpkernel mkfs root.img --size 32M --block-size 1024 --from ./my-root
""",
)
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--size", "size_bytes", type=Size(), required=True, help="Size of the image.")
@click.option(
    "--block-size", type=click.Choice(["1024", "2048", "4096"]), default="4096",
    show_default=True, help="Bytes of a block.",
)  # fmt: skip
@click.option(
    "--from", "source_dir", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder whose files go into the image.",
)  # fmt: skip
def mkfs(image: Path, size_bytes: int, block_size: str, source_dir: Path | None) -> int:
    """Make an ext2 image, empty or with the files of a folder; no root right is needed."""
    from mpkernel.tools.mkfs import make_image  # noqa: PLC0415  --help needs no writer

    if source_dir is not None and not source_dir.is_dir():
        raise click.UsageError(f"--from {source_dir} is no folder")
    make_image(image, size_bytes, int(block_size), source_dir)
    return 0

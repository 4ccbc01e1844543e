"""CPU time to decode: blocks of this host's C library, one after the other."""

import time
from pathlib import Path
from typing import Final

from elftools.elf.elffile import ELFFile

from hw.cpu.decode import decode_block

INSTRUCTIONS: Final = 100_000
_PAGE: Final = 4096


def main() -> None:
    """Decode, and print microseconds an instruction."""
    maps = Path("/proc/self/maps").read_text().split()
    library = next(word for word in maps if word.rpartition("/")[2].startswith("libc.so"))
    with Path(library).open("rb") as file:
        section = ELFFile(file).get_section_by_name(".text")
        start, text = section["sh_addr"], section.data()
    done = 0
    at = 0
    began = time.process_time()
    while done < INSTRUCTIONS and at < len(text) - _PAGE:
        room = _PAGE - ((start + at) & (_PAGE - 1))
        built = decode_block(start + at, text[at : at + room + 15], room)
        built.finish()
        done += built.position
        at += max(built.next_rip - start - at, 1)
    print(f"{1e6 * (time.process_time() - began) / done:.3f} us")  # noqa: T201


if __name__ == "__main__":
    main()

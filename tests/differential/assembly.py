"""Machine code from assembly text, by LLVM's assembler: no compiler is needed."""

import io

import llvmlite.binding as llvm
from elftools.elf.elffile import ELFFile


def assemble(text: str) -> bytes:
    """The bytes of Intel-syntax assembly; only local labels."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    source = ".intel_syntax noprefix\n.text\n" + text
    escaped = source.replace("\\", "\\5C").replace("\n", "\\0A").replace('"', "\\22")
    module = llvm.parse_assembly(f'module asm "{escaped}"')
    machine = llvm.Target.from_default_triple().create_target_machine(reloc="static")
    elf = ELFFile(io.BytesIO(machine.emit_object(module)))
    code: bytes = elf.get_section_by_name(".text").data()
    return code

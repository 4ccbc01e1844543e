"""What LLVM emits runs where it is copied, constants and jump tables included."""

import ctypes

import llvmlite.binding as llvm
import pytest

from hw import native
from hw.cpu.regions import code_memory
from hw.cpu.regions.object_file import ObjectError, ObjectFile

#: A constant of 16 bytes and a switch, which both lie outside the code.
IR = """
define internal i64 @other(i64 %x) noinline {
  %y = mul i64 %x, 3
  ret i64 %y
}
define i64 @f(i64 %x, ptr %p) {
  store <4 x i32> <i32 1, i32 7, i32 9, i32 4>, ptr %p
  switch i64 %x, label %d [i64 0, label %a  i64 1, label %b  i64 2, label %c  i64 3, label %e
                           i64 4, label %g]
a:
  ret i64 11
b:
  ret i64 5
c:
  store i64 3, ptr %p
  ret i64 77
e:
  ret i64 2
g:
  store i64 9, ptr %p
  ret i64 1234
d:
  %z = call i64 @other(i64 %x)
  ret i64 %z
}
"""


def emit(ir: str) -> bytes:
    data: bytes = native.target_machine(2).emit_object(llvm.parse_assembly(ir))
    return data


@pytest.mark.usefixtures("guest")
def test_image_runs_where_it_is_copied() -> None:
    image, entry = ObjectFile(emit(IR)).image()
    at = code_memory.place(image, entry, 0, [])
    assert at is not None
    words = (ctypes.c_uint32 * 4)()
    call = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64, ctypes.c_void_p)(
        code_memory.record_at(at).code
    )
    assert [call(k, ctypes.addressof(words)) for k in (0, 1, 3, 100)] == [11, 5, 2, 300]
    assert list(words) == [1, 7, 9, 4]
    assert call(4, ctypes.addressof(words)) == 1234
    assert words[0] == 9


def test_what_is_outside_is_refused() -> None:
    with pytest.raises(ObjectError, match="relocation"):
        ObjectFile(
            emit("declare void @g()\ndefine void @f() {\n call void @g()\n ret void\n}")
        ).image()


def test_one_function_is_the_entry() -> None:
    two = "define void @f() {\n ret void\n}\ndefine void @g() {\n ret void\n}"
    with pytest.raises(ObjectError, match="2 global functions"):
        ObjectFile(emit(two)).image()


def test_variables_are_refused() -> None:
    ir = "@v = internal global i64 0\ndefine ptr @f() {\n store i64 1, ptr @v\n ret ptr @v\n}"
    with pytest.raises(ObjectError):
        ObjectFile(emit(ir)).image()

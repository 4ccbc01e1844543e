"""The kernel's vectors: apart from each other, the devices' and the exceptions'."""

from mpkernel.arch import vectors


def test_vectors_are_apart():
    names = [
        name for name in vars(vectors) if name.startswith("VECTOR_") and name != "VECTOR_NAMES"
    ]
    fixed = [getattr(vectors, name) for name in names]
    assert len(set(fixed)) == len(fixed)
    assert not set(fixed) & set(range(vectors.DEVICE_FIRST, vectors.DEVICE_LAST + 1))
    assert vectors.DEVICE_FIRST >= 32
    assert set(vectors.VECTOR_NAMES) == set(fixed)

"""Seams: each place is filled once."""

import pytest

from mpkernel.seam import Seam


def test_places_give_what_they_were_filled_with():
    seam = Seam[str]("colours")
    seam.add(3, "red")
    assert seam[3] == "red"
    assert 3 in seam
    assert 0 not in seam
    seam.fill("only")
    assert seam.get() == "only"


def test_a_place_filled_twice_is_an_error():
    seam = Seam[str]("colours")
    seam.fill("red")
    with pytest.raises(AssertionError, match="colours 0 is filled twice"):
        seam.fill("blue")

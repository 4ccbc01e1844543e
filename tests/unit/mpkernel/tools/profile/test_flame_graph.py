"""The picture's boxes: as wide as their share, above their callers."""

from xml.etree import ElementTree

from mpkernel.tools.profile.flame_graph import WIDTH, colour, svg, tree
from mpkernel.tools.profile.samples import Samples

SVG = "{http://www.w3.org/2000/svg}"


def samples() -> Samples:
    made = Samples(100)
    made.add("core 0", ["a (mpkernel/mm/a.py);b (mpkernel/fs/b.py) 30", "a (mpkernel/mm/a.py) 30"])
    made.add("core 1", ["c<d> (hw/cpu/c.py) 40"])
    return made


def test_equal_calls_are_merged():
    root = tree(samples())
    assert root.count == 100
    assert root.depth() == 4
    (a,) = root.inner["core 0", ""].inner.values()
    assert (a.name, a.count) == ("mm: a", 60)


def test_the_svg_is_well_formed_and_to_scale():
    picture = ElementTree.fromstring(svg(samples(), "a & b"))
    boxes = {
        box.get("data-n"): (float(box.get("data-x", "")), float(box.get("data-w", "")))
        for box in picture.iter(f"{SVG}g")
    }
    assert boxes["all"] == (0, WIDTH)
    assert boxes["core 0"] == boxes["mm: a"] == (0, 0.6 * WIDTH)
    assert boxes["fs: b"] == (0, 0.3 * WIDTH)
    assert boxes["user code: c<d>"] == (0.6 * WIDTH, 0.4 * WIDTH)
    heights = {box.get("data-n"): float(box[1].get("y", "")) for box in picture.iter(f"{SVG}g")}
    assert heights["all"] > heights["core 0"] > heights["mm: a"] > heights["fs: b"]
    titles = [title.text for title in picture.iter(f"{SVG}title")]
    assert "fs: b: 30 samples, 30.0 % mpkernel/fs/b.py" in titles


def test_cores_stand_in_their_order():
    made = Samples(100)
    for core, count in enumerate((1, 3, 2)):
        made.add(f"core {core}", [f"a (mpkernel/mm/a.py) {count}"])
    names = [box.get("data-n") for box in ElementTree.fromstring(svg(made, "")).iter(f"{SVG}g")]
    assert [name for name in names if name and name.startswith("core")] == [
        "core 0", "core 1", "core 2",
    ]  # fmt: skip


def test_a_legend_names_the_parts_with_their_own_time_most_first():
    made = samples()
    made.add("core 1", ["e (mpkernel/fs/e.py) 5"])
    texts = [text.text for text in ElementTree.fromstring(svg(made, "t")).findall(f"{SVG}text")]
    assert texts == ["t", "user code 38 %", "fs 33 %", "mm 29 %"]


def test_what_is_too_thin_is_left_out():
    made = samples()
    made.add("core 2", ["thin (mpkernel/mm/t.py) 1", "x (mpkernel/mm/x.py) 99999"])
    assert "mm: thin" not in svg(made, "")


def test_a_part_has_one_colour():
    assert colour("mm") == colour("mm") != colour("fs")

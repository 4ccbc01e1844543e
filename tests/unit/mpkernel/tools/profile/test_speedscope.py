"""The file that speedscope.app reads."""

import json

from mpkernel.tools.profile.samples import Samples
from mpkernel.tools.profile.speedscope import to_json


def test_one_profile_a_core_with_shared_frames():
    samples = Samples(50)
    samples.add("core 0", ["a (mpkernel/mm/a.py);b (mpkernel/fs/b.py) 25"])
    samples.add("core 1", ["a (mpkernel/mm/a.py) 5"])
    file = json.loads(to_json(samples, "title"))
    assert file["$schema"].endswith("file-format-schema.json")
    assert [frame["name"] for frame in file["shared"]["frames"]] == ["mm: a", "fs: b"]
    one, two = file["profiles"]
    assert (one["name"], one["samples"], one["weights"], one["endValue"]) == (
        "core 0", [[0, 1]], [0.5], 0.5,
    )  # fmt: skip
    assert two["samples"] == [[0]]
    assert {profile["type"] for profile in (one, two)} == {"sampled"}

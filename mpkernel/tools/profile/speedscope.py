"""Samples as speedscope's file format: one profile a core, to be opened at speedscope.app.

Spec: speedscope's file-format-schema.json, type "sampled".
State: none. Context: the host.
"""

import json
from typing import Any, Final

from mpkernel.tools.profile.samples import Frame, Samples

_SCHEMA: Final = "https://www.speedscope.app/file-format-schema.json"


def to_json(samples: Samples, title: str) -> str:
    """Return the file's content."""
    places: dict[Frame, int] = {}
    profiles = []
    for party, counts in samples.by_party.items():
        stacks = [[places.setdefault(f, len(places)) for f in stack] for stack in counts]
        weights = [count / samples.rate for count in counts.values()]
        profiles.append({
            "type": "sampled", "name": party, "unit": "seconds", "startValue": 0,
            "endValue": sum(weights), "samples": stacks, "weights": weights,
        })  # fmt: skip
    frames = [{"name": frame.label(), "file": frame.file} for frame in places]
    content: dict[str, Any] = {
        "$schema": _SCHEMA,
        "shared": {"frames": frames},
        "profiles": profiles,
        "name": title,
        "exporter": "mpkernel",
    }
    return json.dumps(content) + "\n"

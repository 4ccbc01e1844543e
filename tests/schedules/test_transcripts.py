"""A seed gives the same bytes as on the machine that recorded them, and with any hash seed."""

import pytest

from tests.support.transcripts import RECORDED, TRANSCRIPTS
from tests.support.watched import watched

RUN = "from tests.support.transcripts import main; main()"
AGAIN = "MPK_WATCH=all python -m tests.support.transcripts --write"


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    parts = watched(RUN).split("==> ")[1:]
    return dict(part.split(" <==\n", 1) for part in parts)


@pytest.mark.parametrize("name", RECORDED)
def test_a_seed_leads_to_what_was_recorded(name: str, found: dict[str, str]):
    assert found[name] == (TRANSCRIPTS / f"{name}.txt").read_text(), AGAIN


def test_every_recorded_file_is_compared():
    assert {path.stem for path in TRANSCRIPTS.iterdir()} == set(RECORDED)


def test_the_hash_seed_changes_nothing(found: dict[str, str]):
    assert watched(RUN, hash_seed="77") == "".join(
        f"==> {name} <==\n{text}" for name, text in found.items()
    )

"""Numbers of model-specific registers: none is given twice."""

from hw.spec import msr


def test_numbers_are_distinct() -> None:
    numbers = []
    for name, value in vars(msr).items():
        if name.startswith("MSR_"):
            numbers += value if isinstance(value, tuple) else [value]
    assert len(numbers) == len(set(numbers)) > 50

"""Vector clocks: what a core knows of the others' past.

``clock[q]`` of core p is how many of q's steps are ordered before what p does next.

State: private. Context: any.
"""

Clock = list[int]


def join(clock: Clock, other: Clock) -> None:
    """Know what ``other`` knows as well."""
    for index, value in enumerate(other):
        clock[index] = max(clock[index], value)

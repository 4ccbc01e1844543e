"""The limits keep what is promised."""

from mpkernel.tools.detector.limits import DEFAULT


def test_a_deadlock_is_seen_and_confirmed_in_time_for_a_report_within_100_ms():
    assert DEFAULT.look_s + DEFAULT.confirm_s <= 0.08
    assert DEFAULT.confirm_s >= 0.02
    assert DEFAULT.progress_s < DEFAULT.section_cpu_s / 4, "a section is seen several times"

"""Explore: the cores of a scenario run in one process, under schedules of a strategy's choice."""

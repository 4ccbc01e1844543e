"""A task wakes: wait queues, run queues, the switch."""

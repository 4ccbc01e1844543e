"""The watcher outside the cores: deadlocks, lockups, lost wakeups, storms."""

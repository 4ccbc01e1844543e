"""How a task ends from inside the kernel: it raises TaskExit out of its coroutine.

State: none. Context: task.
"""


class TaskExit(BaseException):
    """The current task has cleaned up after itself and will not run again."""

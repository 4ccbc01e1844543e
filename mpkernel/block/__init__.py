"""The request: block devices and their queues."""

"""The error of a benchmark that has no figure to give."""


class BenchError(RuntimeError):
    """A run that cannot be counted: the message says why, and what to do."""

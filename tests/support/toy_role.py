"""What a role's process does, for tests of the table of roles."""

played: list[int] = []
"""Numbers of the processes that ran."""


def play(_settings: object, number: int) -> None:
    played.append(number)

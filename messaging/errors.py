"""The base of every error that is told to the user."""


class UserError(Exception):
    """An error that a person can act on. Its text is one sentence: what is wrong, where, and what to do.

    Whatever else ends a command or a process, save what the machine or Kafka refuses, is a defect of ours.
    """

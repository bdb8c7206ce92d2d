"""Errors that end the Faust lane."""

from messaging.errors import UserError


class AgentsError(UserError):
    """The agents worker cannot do its work; the text says what is wrong, where, and what to do."""

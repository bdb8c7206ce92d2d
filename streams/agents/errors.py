"""Why the Faust lane ends."""


class AgentsError(RuntimeError):
    """The agents worker cannot do its work; the text says what is wrong, where, and what to do."""

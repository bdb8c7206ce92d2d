"""Lines that the tills have said so far, and that were confirmed to them."""

from dataclasses import dataclass


@dataclass(slots=True)
class TillTally:
    """Counts of all tills together. One event loop writes them."""

    handed_over: int = 0
    """Lines given to a till to send, every copy counted."""
    acknowledged: int = 0
    """Of these, lines that the connectors confirmed: Kafka has them."""
    refused: int = 0
    """Of these, lines that a connector turned away for good, with a reason to the till."""
    resent: int = 0
    """Lines sent once more because no answer said whether they had arrived: each may be in Kafka twice."""
    requests: int = 0
    retries: int = 0
    files: int = 0

    @property
    def open_lines(self) -> int:
        """Lines that no connector has answered for yet."""
        return self.handed_over - self.acknowledged - self.refused

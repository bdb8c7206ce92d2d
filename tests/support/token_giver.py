"""The token endpoint of a vendor: refresh tokens that serve once, or the grant of client credentials."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from tests.support.vendor_server import Answer, Received


@dataclass
class TokenGiver:
    """Answers at `path`, and nothing elsewhere. wanted: the fields that a request must have beside the refresh token.

    rotates: whether a refresh token serves once. refused: the answer to a request that is not as wanted.
    """

    path: str
    wanted: dict[str, str]
    is_form: bool = True
    rotates: bool = True
    refresh: str | None = "refresh-token-number-0"
    given: list[str] = field(default_factory=list)
    """The tokens that were given, oldest first."""
    refused: Answer = field(default_factory=lambda: Answer({"error": "invalid_grant"}, 400))

    @property
    def token(self) -> str:
        """The newest token; the operator put number 0 there."""
        return self.given[-1] if self.given else "access-token-number-0"

    def answer(self, request: Received) -> Answer | None:
        """None for a request that is not for this endpoint."""
        if (request.method, request.path) != ("POST", self.path):
            return None
        fields = dict(parse_qsl(request.body.decode())) if self.is_form else request.json()
        wanted = self.wanted | ({} if self.refresh is None else {"refresh_token": self.refresh})
        if fields != wanted:
            return self.refused
        self.given.append(f"access-token-number-{len(self.given) + 1}")
        if self.refresh is None:
            return Answer({"access_token": self.token, "scope": "read_orders", "expires_in": 86_399})
        if self.rotates:
            self.refresh = f"refresh-token-number-{len(self.given)}"
        return Answer({"access_token": self.token, "refresh_token": self.refresh, "token_type": "bearer"})

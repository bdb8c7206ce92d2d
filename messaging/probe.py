"""`python -m messaging.probe URL`: end well if the page says that all is well. Containers' health checks run it."""

import sys

import httpx

_TIMEOUT_S = 8.0


def probe(url: str) -> str | None:
    """A sentence about what is wrong; None when nothing is."""
    try:
        answer = httpx.get(url, timeout=_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        return f"{url} does not answer: {error}"
    return None if answer.is_success else f"{url} answers {answer.status_code}: {answer.text}"


if __name__ == "__main__":
    sys.exit(probe(sys.argv[1]))

"""Pages of ours as PDF."""

from messaging.errors import UserError


class NoPdfError(UserError):
    """The packages that make a PDF are not there."""


def page_pdf(page: str) -> bytes:
    """An HTML page that refers to nothing outside, as a PDF. Raises NoPdfError."""
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:  # OSError: the library Pango is missing
        raise NoPdfError(
            "a PDF takes the package weasyprint (the extra pdf of this one) and the system's library Pango; "
            f"write .html and print it from a browser, or install them ({error})"
        ) from error
    made: bytes = HTML(string=page, url_fetcher=_fetch_nothing).write_pdf()
    return made


def _fetch_nothing(url: str) -> dict[str, object]:
    raise ValueError(f"a page of ours refers to nothing outside, not to {url}")

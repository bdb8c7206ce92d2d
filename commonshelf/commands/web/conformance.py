"""`conformance`: whether an implementation of the API keeps its clauses."""

import json
from typing import Annotated

import typer

from commonshelf.options import JsonOption, fail


def conformance(
    url: Annotated[str, typer.Argument(help="Base of the API: http://127.0.0.1:8080/v1.", show_default=False)],
    pool: Annotated[str, typer.Option("--pool", help="The pool to try it in.", show_default=False)],
    key: Annotated[
        str,
        typer.Option("--key", envvar="COMMONSHELF_API_KEY", help="A service's key that may order.", show_default=False),
    ],
    sku: Annotated[str, typer.Option("--sku", help="An item to order; one that is in if left out.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Try each clause of the API against any implementation of it. Exit code 1 when one fails.

    It places orders of one unit and cancels them.

    Example: ./shelf conformance http://127.0.0.1:8080/v1 --pool riverside --key "$KEY"
    """
    import httpx

    from commonshelf.text import print_table
    from commonshelf.web.conformance.kit import Trial, run

    try:
        public = httpx.Client(base_url=url, timeout=30, trust_env=False)
        member = httpx.Client(base_url=url, timeout=30, trust_env=False, headers={"Authorization": f"Bearer {key}"})
        public.get("/openapi.json")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        fail(f"{url} does not answer ({error}); give the base of the API, such as http://127.0.0.1:8080/v1")
    with public, member:
        results = list(run(Trial(public, member, pool, sku)))
    if as_json:
        print(json.dumps([result._asdict() for result in results], indent=1))
    else:
        print_table(
            ("clause", "", "says", "found"), [(one.clause, one.outcome, one.about, one.found) for one in results]
        )
    if any(one.outcome == "fail" for one in results):
        raise typer.Exit(1)

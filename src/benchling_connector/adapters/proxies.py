"""The proxies that the environment names, as far as they can be understood."""

from collections.abc import Mapping

from yarl import URL

from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration

__all__ = ["check_proxies", "proxy_url"]

_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")


def proxy_url(variable: str, text: str) -> URL:
    """The URL in such a variable. Raises `InvalidConfiguration`, without the text: it may hold a
    password."""
    try:
        url = URL(text if "://" in text else f"http://{text}")
    except ValueError:
        url = URL()
    # A password that is not encoded can end the host's part of a URL too soon.
    if not url.host or "@" in f"{url.path}{url.query_string}{url.fragment}":
        problem = "is not the URL of a proxy."
        remedy = "Write http://user:password@host:port, user and password percent-encoded."
        raise InvalidConfiguration([FieldProblem(variable, problem, remedy)])
    return url


def check_proxies(environment: Mapping[str, str]) -> list[FieldProblem]:
    """What is wrong with the variables that name proxies, in either case."""
    problems: list[FieldProblem] = []
    for variable, text in environment.items():
        if variable.lower() in _VARIABLES and text:
            try:
                proxy_url(variable, text)
            except InvalidConfiguration as error:
                problems += error.fields
    return problems

"""A session with an openBIS server through pyBIS, which neither hangs nor tells the token."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from messages.errors import ConfigurationError, LabmeshError, MissingProgramError

R = TypeVar("R")

_HIDDEN: Final = "(token)"

_RETRIES: Final = 1
"""Times that pyBIS tries an upload again by itself; whoever deploys again goes on anyway."""


class NotebookError(LabmeshError):
    """A notebook's server does not answer, or refuses."""


class OpenBis:
    """pyBIS, as this node uses it. Blocking; of one thread at a time.

    pyBIS prints refused requests with the token in them, waits for ever, and has the token in the
    addresses that its errors name. None of it reaches anybody from here.

    Args:
        url: ``https://host``.
        token: A personal access token.
        ca_file: Certificate of whom to trust; None for the usual ones.
        patience: Wall seconds to wait for each answer.

    Raises:
        MissingProgramError: pyBIS is not installed.
        ConfigurationError: The URL is none, or the server does not know the token.
        NotebookError: The server does not answer.
    """

    def __init__(
        self, url: str, token: str, *, ca_file: Path | None = None, patience: float = 60.0
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self.bis: Any = self._opened(ca_file, patience)

    def _opened(self, ca_file: Path | None, patience: float) -> Any:
        pybis = _pybis()
        verify: bool | str = True if ca_file is None else str(ca_file)

        class Quiet(pybis.Openbis):  # type: ignore[misc, name-defined] # pyBIS has no types
            def _post_request_full_url(inner, full_url: str, request: dict[str, Any]) -> Any:  # noqa: N805
                return self._ask(full_url, request, verify, patience)

            def _get_saved_token(inner) -> None:  # noqa: N805
                """Nobody's token but ours: pyBIS would look for one in the home folder."""

        try:
            bis = self.asked(
                Quiet, self.url, verify_certificates=verify, token=None,
                # Only of this machine: see `nodes.eln._settings.checked_url`.
                allow_http_but_do_not_use_this_in_production_and_only_within_safe_networks=True,
            )  # fmt: skip
            valid = self.asked(bis.is_token_valid, self._token)
        except ValueError as error:
            raise ConfigurationError(
                f"{self.url!r} is no URL of an openBIS server: {self._clean(error)}", where="url"
            ) from None
        if not valid:
            raise ConfigurationError(
                f"{self.url} does not know this token", where="token_file",
                remedy="make a personal access token in openBIS; one that has expired is no good",
            )  # fmt: skip
        bis.__dict__["token"] = self._token
        return bis

    def asked(self, function: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """Call pyBIS, and turn what it raises into words without the token.

        Raises:
            NotebookError: The server refused, or did not answer.
        """
        import requests  # noqa: PLC0415 - pyBIS brings it

        try:
            return function(*arguments, **named)
        except requests.RequestException as error:
            raise NotebookError(
                f"{self.url} does not answer: {self._clean(error)}",
                remedy="run it again when the server is there: it goes on where it stopped",
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise NotebookError(f"openBIS refuses: {self._clean(error)}", where=self.url) from None

    def _ask(
        self, full_url: str, request: dict[str, Any], verify: bool | str, patience: float
    ) -> Any:
        import requests  # noqa: PLC0415

        request = {"id": "1", "jsonrpc": "2.0", **request}
        answer = requests.post(
            full_url, json.dumps(request), verify=verify, timeout=patience,
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        if not answer.ok:
            raise ValueError(f"{request['method']} was answered with {answer.status_code}")
        said = answer.json()
        if "error" in said:
            raise ValueError(f"{request['method']}: {said['error'].get('message', said['error'])}")
        if "result" not in said:
            raise ValueError(f"{request['method']} has neither result nor error")
        return said["result"]

    def _clean(self, error: Exception) -> str:
        return str(error).replace(self._token, _HIDDEN)[:1000]


def _pybis() -> Any:
    try:
        import pybis  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingProgramError(
            "pyBIS is not installed, so no openBIS can be reached",
            remedy='install it: pip install "labmesh[openbis]"',
        ) from None
    for name, module in list(sys.modules.items()):
        if name.startswith("pybis."):
            module.__dict__["print"] = _silent
    uploads = sys.modules["pybis.dataset"]
    uploads.__dict__["REQUEST_RETRIES_COUNT"] = _RETRIES
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_without_session)
    return pybis


def _without_session(record: logging.LogRecord) -> bool:
    """Let no line through that has the address of an upload: the token is in it."""
    return "sessionID=" not in record.getMessage()


def _silent(*_words: object, **_options: object) -> None:
    """Print nothing: what pyBIS prints of a refused request has the token in it."""

"""What `compare_finales.py` asks of a FINALES 2 server: its REST API, spoken over one connection.

Routes, fields and statuses are those of FINALES2 1.1.0 (BIG-MAP/FINALES2, `server/endpoints.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import NAMESPACE_URL, uuid5

import httpx

from messages.errors import LabmeshError
from messages.model import JsonObject

TENANT: Final = str(uuid5(NAMESPACE_URL, "labmesh:benchmark:compare_finales"))
"""The tenant uuid on everything the benchmark posts; the same on every server and in every run."""


class ServerFaultError(LabmeshError):
    """The server answered 5xx: it did, or did not, do what was asked."""


@dataclass(frozen=True, slots=True)
class Work:
    """The one request that is posted again and again.

    Attributes:
        quantity: A quantity that is active on the server.
        method: A method of it.
        parameters: They satisfy the method's schema.
    """

    quantity: str
    method: str
    parameters: JsonObject


class Finales:
    """A user of a FINALES 2 server. Use as ``async with``.

    Args:
        url: ``http://host:port``.
        user: Name of a user of that server.
        password: That user's password.
        connections: Requests at a time.

    Raises:
        LabmeshError: (every method) unreachable, or an answer other than 2xx.
    """

    def __init__(self, url: str, user: str, password: str, *, connections: int = 1) -> None:
        self.url = url
        self._credentials = {"username": user, "password": password}
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=60,
            follow_redirects=True,
            limits=httpx.Limits(max_connections=connections),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def login(self) -> None:
        """Fetch a token and use it from now on."""
        answer = await self._ask("POST", "/user_management/authenticate", data=self._credentials)
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise _not_finales(self.url)
        self._http.headers["Authorization"] = f"Bearer {token}"

    async def greeting(self) -> None:
        """Ask for the smallest answer that needs a token."""
        await self._ask("GET", "/")

    async def capabilities(self) -> list[JsonObject]:
        """Return every active capability, whether or not somebody serves it."""
        found = await self._ask("GET", "/capabilities/", params={"currently_available": False})
        return list(found)

    async def served(self) -> dict[tuple[str, str], list[str]]:
        """Return the names of the active tenants that serve a (quantity, method)."""
        serving: dict[tuple[str, str], list[str]] = {}
        for tenant in await self._ask("GET", "/tenants/"):
            for each in tenant["limitations"] if tenant["is_active"] else ():
                serving.setdefault((each["quantity"], each["method"]), []).append(tenant["name"])
        return serving

    async def post_request(self, work: Work) -> str:
        """Post it; return its uuid."""
        body = {
            "quantity": work.quantity,
            "methods": [work.method],
            "parameters": {work.method: work.parameters},
            "tenant_uuid": TENANT,
        }
        return str(await self._ask("POST", "/requests/", json=body))

    async def pending(self, work: Work | None) -> list[JsonObject]:
        """Return pending requests: those like ``work``, or all."""
        only = {"quantity": work.quantity, "method": work.method} if work else {}
        found = await self._ask("GET", "/pending_requests/", params=only)
        return list(found)

    async def set_status(self, request: str, status: str, why: str) -> None:
        """Set a request's status: pending, reserved or retracted."""
        await self._ask(
            "POST",
            f"/requests/{request}/update_status/",
            params={"request_id": request, "new_status": status, "status_change_message": why},
        )

    async def post_result(self, work: Work, request: str) -> str:
        """Resolve a request with a result that says itself it is none; return its uuid."""
        body = {
            "data": {"labmesh_benchmark": True, "meta": {"success": False, "rating": 0}},
            "quantity": work.quantity,
            "method": [work.method],
            "parameters": {work.method: work.parameters},
            "tenant_uuid": TENANT,
            "request_uuid": request,
        }
        return str(await self._ask("POST", "/results/", json=body))

    async def result_of(self, request: str) -> JsonObject | None:
        """Return a request's result, None while it has none."""
        found = await self._ask("GET", f"/results_requested/{request}")
        return None if found is None else dict(found)

    async def delete_result(self, result: str, why: str) -> None:
        """Mark a result as deleted; the server keeps it, readers leave it out."""
        await self._ask(
            "POST",
            f"/results/{result}/update_status/",
            params={"result_id": result, "new_status": "deleted", "status_change_message": why},
        )

    @staticmethod
    def posted(request: JsonObject) -> bool:
        """Tell whether a listed request is the benchmark's."""
        return bool(request["request"]["tenant_uuid"] == TENANT)

    async def _ask(self, verb: str, path: str, **content: Any) -> Any:
        where = f"{verb} {self.url.rstrip('/')}{path}"
        try:
            answer = await self._http.request(verb, path, **content)
        except httpx.TimeoutException:
            raise LabmeshError(
                "no answer within 60 s", where=where, remedy="see what the server's log says"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise LabmeshError(
                f"cannot reach the server: {error or type(error).__name__}",
                where=where,
                remedy="check address and port, and that `finales server start` runs there",
            ) from None
        if answer.is_success:
            try:
                return answer.json()
            except ValueError:
                raise _not_finales(self.url) from None
        raise _refusal(answer, where)


def _refusal(answer: httpx.Response, where: str) -> LabmeshError:
    said = " ".join(answer.text.split())[:300] or "nothing more"
    what = f"the server answered {answer.status_code}: {said}"
    if "/user_management/" in where and answer.status_code in (401, 404):
        known = "Not Found" not in said or answer.status_code == 401
        return LabmeshError(
            what,
            where=where,
            remedy="check user and password (`finales db add user NAME` on its host adds one)"
            if known
            else "check the URL: nothing there logs users in, so it is no FINALES 2 server",
        )
    if answer.status_code >= 500:
        return ServerFaultError(what, where=where, remedy="the server's log says why")
    if answer.status_code == 401:
        return LabmeshError(what, where=where, remedy="the token ended; run it again")
    return LabmeshError(what, where=where, remedy="choose others by --capability and --parameters")


def _not_finales(url: str) -> LabmeshError:
    return LabmeshError(
        "something answers, but not as a FINALES 2 server does",
        where=url,
        remedy="name the address that `finales server start` printed",
    )

"""Client of Home Assistant's HTTP API."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

type Json = dict[str, Any]

CONFIG_FLOW: Final = "/api/config/config_entries/flow"
SUBENTRY_FLOW: Final = "/api/config/config_entries/subentries/flow"
_POLL_S: Final = 0.05
_TIMEOUT_S: Final = 30.0
_REQUEST_TIMEOUT: Final = aiohttp.ClientTimeout(total=60)


class ApiError(Exception):
    """A request failed, or a condition was not met in time."""


@dataclass(frozen=True, slots=True)
class User:
    """The owner of Home Assistant."""

    name: str
    password: str


class Api:
    """Home Assistant's HTTP API, used as the owner."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Use the API at a URL; `onboard` logs in."""
        self._session = session
        self._url = url

    async def get(self, path: str) -> Any:
        """Return the JSON of a GET request."""
        return await self._request("GET", path)

    async def post(self, path: str, body: Json) -> Any:
        """Return the JSON of a POST request."""
        return await self._request("POST", path, json=body)

    async def delete(self, path: str) -> None:
        """Make a DELETE request."""
        await self._request("DELETE", path)

    async def _request(self, method: str, path: str, **content: Any) -> Any:
        """Make a request. Raises ApiError."""
        try:
            async with self._session.request(method, self._url + path, timeout=_REQUEST_TIMEOUT, **content) as response:
                if not response.ok:
                    raise ApiError(f"{method} {path}: {response.status} {(await response.text())[:500]}")
                return await response.json()
        except (aiohttp.ClientError, TimeoutError) as err:
            raise ApiError(f"{method} {path}: {err!r}") from err

    async def onboard(self, user: User) -> Json:
        """Create the owner, log in and finish the onboarding; return the tokens of the login."""
        client_id = f"{self._url}/"
        owner = {"name": user.name.title(), "username": user.name, "password": user.password}
        created = await self.post("/api/onboarding/users", {**owner, "client_id": client_id, "language": "en"})
        grant = {"grant_type": "authorization_code", "code": created["auth_code"], "client_id": client_id}
        tokens: Json = await self._request("POST", "/auth/token", data=grant)
        self._session.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        await self.post("/api/onboarding/analytics", {})
        await self.post("/api/onboarding/integration", {"client_id": client_id, "redirect_uri": client_id})
        await self.wait_for("Home Assistant to finish its start", self._is_running)
        return tokens

    async def _is_running(self) -> bool:
        """Return whether Home Assistant has started."""
        config = await self.get("/api/config")
        return bool(config["state"] == "RUNNING")

    async def add_entry(self, domain: str, *forms: Json) -> str:
        """Run the config flow of an integration, and return the id of the new entry."""
        result = await self._run_flow(CONFIG_FLOW, domain, forms)
        return str(result["result"]["entry_id"])

    async def add_subentry(self, entry_id: str, kind: str, *forms: Json) -> None:
        """Run the flow that adds a subentry to an entry."""
        await self._run_flow(SUBENTRY_FLOW, [entry_id, kind], forms)

    async def _run_flow(self, flow: str, handler: str | list[str], forms: tuple[Json, ...]) -> Json:
        """Submit the forms and menus of a flow. Raises ApiError unless it creates an entry, which is returned."""
        result: Json = await self.post(flow, {"handler": handler})
        for form in forms:
            if result["type"] not in ("form", "menu"):
                raise ApiError(f"no form for {sorted(form)}: {result}")
            result = await self.post(f"{flow}/{result['flow_id']}", form)
            if result.get("errors"):
                raise ApiError(f"step {result['step_id']!r}: {result['errors']}")
        if result["type"] != "create_entry":
            raise ApiError(f"no entry was created: {result}")
        return result

    async def entry_state(self, entry_id: str) -> str:
        """Return the state of a config entry."""
        entries = await self.get("/api/config/config_entries/entry")
        return next(str(entry["state"]) for entry in entries if entry["entry_id"] == entry_id)

    async def entity_ids(self, domain: str) -> set[str]:
        """Return the ids of the entities of a domain, available or not."""
        states = await self.get("/api/states")
        return {state["entity_id"] for state in states if state["entity_id"].startswith(f"{domain}.")}

    async def available(self, domain: str) -> dict[str, str]:
        """Return the ids and names of the available entities of a domain."""
        states = await self.get("/api/states")
        return {
            state["entity_id"]: state["attributes"].get("friendly_name", "")
            for state in states
            if state["entity_id"].startswith(f"{domain}.") and state["state"] != "unavailable"
        }

    async def attributes(self, entity_id: str) -> Json:
        """Return the attributes of an entity."""
        attributes: Json = (await self.get(f"/api/states/{entity_id}"))["attributes"]
        return attributes

    async def perform_action(self, action: str, data: Json) -> None:
        """Perform an action, and wait until it has finished."""
        await self.post(f"/api/services/{action.replace('.', '/')}", data)

    async def wait_for(self, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a condition. Raises ApiError after a timeout."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                while not await condition():  # noqa: ASYNC110 - there is no event
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as err:
            raise ApiError(f"timeout after {_TIMEOUT_S:.0f} s: {what}") from err

    async def download(self, path: str) -> AsyncGenerator[bytes]:
        """Yield the content of a path as it arrives, without login as a player does."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(self._url + path, timeout=_REQUEST_TIMEOUT) as response,
            ):
                if not response.ok:
                    raise ApiError(f"GET {path}: {response.status}")
                async for chunk in response.content.iter_any():
                    yield chunk
        except (aiohttp.ClientError, TimeoutError) as err:
            raise ApiError(f"GET {path}: {err!r}") from err

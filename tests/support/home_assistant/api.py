"""Home Assistant over HTTP, as its web page and its users' programs reach it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

type Json = dict[str, Any]

CONFIG_FLOW: Final = "/api/config/config_entries/flow"
_SUBENTRY_FLOW: Final = "/api/config/config_entries/subentries/flow"
_POLL: Final = 0.05  # seconds
_PATIENCE: Final = 30.0
_REQUEST: Final = aiohttp.ClientTimeout(total=60)


class ApiError(Exception):
    """Home Assistant refused something, or something that should have come about did not."""


@dataclass(frozen=True, slots=True)
class User:
    """Who owns the home."""

    name: str
    password: str


class Api:
    """Home Assistant, as an owner who is logged in sees it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Reach Home Assistant at an address; `onboard` logs in."""
        self._session = session
        self._url = url

    async def get(self, path: str) -> Any:
        """Return what Home Assistant answers to a GET request."""
        return await self._request("GET", path)

    async def post(self, path: str, body: Json) -> Any:
        """Return what Home Assistant answers to JSON."""
        return await self._request("POST", path, json=body)

    async def _request(self, method: str, path: str, **content: Any) -> Any:
        """Make a request, and refuse refusals."""
        try:
            async with self._session.request(method, self._url + path, timeout=_REQUEST, **content) as response:
                if not response.ok:
                    raise ApiError(f"{method} {path}: {response.status} {(await response.text())[:500]}")
                return await response.json()
        except (aiohttp.ClientError, TimeoutError) as err:
            raise ApiError(f"{method} {path}: {err!r}") from err

    async def onboard(self, user: User) -> Json:
        """Create the owner, log in and finish the onboarding; return the tokens that the log-in gave."""
        client_id = f"{self._url}/"
        owner = {"name": user.name.title(), "username": user.name, "password": user.password}
        answer = await self.post("/api/onboarding/users", {**owner, "client_id": client_id, "language": "en"})
        grant = {"grant_type": "authorization_code", "code": answer["auth_code"], "client_id": client_id}
        tokens: Json = await self._request("POST", "/auth/token", data=grant)
        self._session.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        await self.post("/api/onboarding/analytics", {})
        await self.post("/api/onboarding/integration", {"client_id": client_id, "redirect_uri": client_id})
        await self.wait_for("Home Assistant to finish its start", self._is_running)
        return tokens

    async def _is_running(self) -> bool:
        """See whether everything has been set up."""
        config = await self.get("/api/config")
        return bool(config["state"] == "RUNNING")

    async def add_entry(self, domain: str, *forms: Json) -> str:
        """Fill in the forms of an integration's config flow, and return the new entry's id."""
        result = await self._fill_in(CONFIG_FLOW, domain, forms)
        return str(result["result"]["entry_id"])

    async def add_subentry(self, entry_id: str, kind: str, *forms: Json) -> None:
        """Fill in the forms that add a subentry to an entry."""
        await self._fill_in(_SUBENTRY_FLOW, [entry_id, kind], forms)

    async def _fill_in(self, flow: str, handler: str | list[str], forms: tuple[Json, ...]) -> Json:
        """Submit one form after the other until something has been created."""
        result: Json = await self.post(flow, {"handler": handler})
        for form in forms:
            if result["type"] != "form":
                raise ApiError(f"no form to fill in with {sorted(form)}: {result}")
            result = await self.post(f"{flow}/{result['flow_id']}", form)
            if result.get("errors"):
                raise ApiError(f"step {result['step_id']!r}: {result['errors']}")
        if result["type"] != "create_entry":
            raise ApiError(f"nothing was created: {result}")
        return result

    async def entry_state(self, entry_id: str) -> str:
        """Say how an entry is."""
        entries = await self.get("/api/config/config_entries/entry")
        return next(str(entry["state"]) for entry in entries if entry["entry_id"] == entry_id)

    async def available(self, domain: str) -> dict[str, str]:
        """Return ids and names of the domain's entities that can be used."""
        states = await self.get("/api/states")
        return {
            state["entity_id"]: state["attributes"].get("friendly_name", "")
            for state in states
            if state["entity_id"].startswith(f"{domain}.") and state["state"] != "unavailable"
        }

    async def attributes(self, entity_id: str) -> Json:
        """Return an entity's attributes."""
        attributes: Json = (await self.get(f"/api/states/{entity_id}"))["attributes"]
        return attributes

    async def act(self, action: str, data: Json) -> None:
        """Perform an action, and wait for its end."""
        await self.post(f"/api/services/{action.replace('.', '/')}", data)

    async def wait_for(self, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until a condition holds."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while not await condition():  # noqa: ASYNC110 (nothing tells us)
                    await asyncio.sleep(_POLL)
        except TimeoutError as err:
            raise ApiError(f"waited {_PATIENCE:.0f} s in vain for {what}") from err

    async def download(self, path: str) -> AsyncGenerator[bytes]:
        """Yield what is at a path as it arrives. A player does the same: it does not log in."""
        try:
            async with aiohttp.ClientSession() as session, session.get(self._url + path, timeout=_REQUEST) as response:
                if not response.ok:
                    raise ApiError(f"GET {path}: {response.status}")
                async for chunk in response.content.iter_any():
                    yield chunk
        except (aiohttp.ClientError, TimeoutError) as err:
            raise ApiError(f"GET {path}: {err!r}") from err

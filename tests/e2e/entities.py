"""Entities that come of something."""

from collections.abc import Awaitable

from tests.support.home_assistant import Api

from .stage import Stage


async def new_entity(api: Api, domain: str, making: Awaitable[object]) -> str:
    """Do something, and return the entity of a domain that comes of it, once it can be used."""
    known = (await api.available(domain)).keys()
    await making
    found: list[str] = []

    async def is_there() -> bool:
        found[:] = (await api.available(domain)).keys() - known
        return bool(found)

    await api.wait_for(f"a new {domain} entity", is_there)
    return found[0]


async def some_voice(stage: Stage) -> str:
    """Return a voice: one that is there, or that of a new account."""
    for entity_id in await stage.api.available("tts"):
        return entity_id
    key = stage.simulator.api_key or ""
    forms = ({"provider": "nanogpt"}, {"api_key": key, "server": {}})
    return await new_entity(stage.api, "tts", stage.api.add_entry("orator", *forms))

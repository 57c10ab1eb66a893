"""Waiting for new entities."""

from collections.abc import Awaitable

from tests.support.home_assistant import Api

from .context import Context


async def wait_for_new_entity(api: Api, domain: str, setup: Awaitable[object]) -> str:
    """Await a setup, and return the id of the new entity of a domain once it is available."""
    known = await api.entity_ids(domain)
    await setup
    new: list[str] = []

    async def is_available() -> bool:
        new[:] = (await api.available(domain)).keys() - known
        return bool(new)

    await api.wait_for(f"a new {domain} entity", is_available)
    return new[0]


async def get_voice(context: Context) -> str:
    """Return the id of a voice, adding an account if there is none."""
    for entity_id in await context.api.available("tts"):
        return entity_id
    api_key = context.simulator.api_key or ""
    forms = ({"next_step_id": "cloud_service"}, {"provider": "nanogpt"}, {"api_key": api_key, "server": {}})
    return await wait_for_new_entity(context.api, "tts", context.api.add_entry("orator", *forms))

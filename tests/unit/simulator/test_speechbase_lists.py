"""The vendors and saved voices of the simulated Speechbase API."""

from itertools import pairwise
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from tests.simulator import Simulator
from tests.simulator.speechbase.catalog import default_voices

from .speechbase_client import PROVIDERS, SAVED_VOICE, VOICES, parse_problem


async def get_page(client: aiohttp.ClientSession, **query: Any) -> dict[str, Any]:
    """Return a page of voices."""
    async with client.get(VOICES, params=query) as response:
        assert response.status == 200, await response.text()
        body: dict[str, Any] = await response.json()
    assert list(body) == ["data", "next_cursor", "has_more", "limit"]
    assert body["has_more"] == (body["next_cursor"] is not None)
    return body


async def get_pages(client: aiohttp.ClientSession, **query: Any) -> list[list[dict[str, Any]]]:
    """Return the voices of all pages."""
    pages = [await get_page(client, **query)]
    while pages[-1]["has_more"]:
        pages.append(await get_page(client, **query, cursor=pages[-1]["next_cursor"]))
    return [body["data"] for body in pages]


@pytest.mark.parametrize(
    ("query", "sizes"),
    [({}, [50, 50, 20]), ({"limit": 200}, [120]), ({"limit": 40}, [40, 40, 40]), ({"limit": 119}, [119, 1])],
)
async def test_pages(
    client: aiohttp.ClientSession, simulator: Simulator, query: dict[str, int], sizes: list[int]
) -> None:
    """Pages contain all voices without duplicates, newest first."""
    pages = await get_pages(client, **query)
    assert [len(rows) for rows in pages] == sizes
    rows = [row for rows in pages for row in rows]
    assert all(newer["created_at"] > older["created_at"] for newer, older in pairwise(rows))
    assert sorted(row["id"] for row in rows) == sorted(row["id"] for row in simulator.speechbase.voices)
    assert (await get_page(client, **query))["limit"] == query.get("limit", 50)
    assert rows[-1]["id"] == SAVED_VOICE


async def test_changes_between_pages(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Saving and deleting voices between two pages does not shift the others."""
    voices = simulator.speechbase.voices
    first = await get_page(client, limit=3)
    voices.append(voices[-1] | {"id": "new", "created_at": "2026-12-01T00:00:00.000Z"})
    voices.remove(next(row for row in voices if row["id"] == first["data"][-1]["id"]))
    second = await get_page(client, limit=3, cursor=first["next_cursor"])
    newest_first = [row["id"] for row in reversed(default_voices())]
    assert [row["id"] for row in first["data"] + second["data"]] == newest_first[:6]


async def test_no_voices(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The list of saved voices can be empty."""
    simulator.speechbase.voices = []
    assert await get_page(client) == {"data": [], "next_cursor": None, "has_more": False, "limit": 50}


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"limit": "0"}, ["limit"]),
        ({"limit": "201"}, ["limit"]),
        ({"limit": "-1"}, ["limit"]),
        ({"limit": "ten"}, ["limit"]),
        ({"limit": "9" * 5000}, ["limit"]),
        ({"limit": ""}, ["limit"]),
        ({"cursor": ""}, ["cursor"]),
        ({"cursor": "2"}, ["cursor"]),
        ({"cursor": "bm9uZQ=="}, ["cursor"]),
        ({"page": "2"}, []),
    ],
)
async def test_invalid_page(client: aiohttp.ClientSession, query: dict[str, str], path: list[str]) -> None:
    """Invalid limits and cursors are refused."""
    async with client.get(VOICES, params=query) as response:
        body = await parse_problem(response)
    assert (body["status"], body["code"]) == (400, "invalid_input")
    assert body["validation"][0]["path"] == path


async def test_voice(client: aiohttp.ClientSession) -> None:
    """A saved voice is shown with the vendor's own ids."""
    async with client.get(f"{VOICES}/{SAVED_VOICE}") as response:
        body = await response.json()
    assert list(body) == ["data"]
    assert {
        "id": SAVED_VOICE,
        "title": "Podcast narrator",
        "provider": "elevenlabs",
        "model": "eleven_v3",
        "voice_id": "JBFqnCBsd6RMkjVDRZzb",
        "tags": ["podcast"],
        "provider_options": {"stability": 0.5},
    }.items() <= body["data"].items()
    async with client.get(f"{VOICES}/3b7d6c1e-0000-4000-8000-000000000000") as response:
        assert (await parse_problem(response))["status"] == 404


def test_default_voices() -> None:
    """The default voices are stable and varied."""
    voices = default_voices()
    assert voices == default_voices()
    assert len(voices) == 120
    assert all(str(UUID(row["id"])) == row["id"] for row in voices)
    assert {bool(row["provider_options"]) for row in voices} == {True, False}
    titles = [row["title"] for row in voices]
    assert max(len(title) for title in titles) > 100
    assert len(set(titles)) < len(titles)
    assert len({(row["provider"], row["model"]) for row in voices}) > 5


async def test_providers(client: aiohttp.ClientSession) -> None:
    """Vendors are listed with their access and the full names of their models."""
    async with client.get(PROVIDERS) as response:
        body = await response.json()
    assert list(body) == ["data"]
    rows = {row["id"]: row for row in body["data"]}
    assert all(list(row) == ["id", "name", "enabled", "byok", "managed", "models"] for row in rows.values())
    assert all(model.startswith(f"{vendor}/") for vendor, row in rows.items() for model in row["models"])
    assert {"openai", "elevenlabs", "cartesia", "deepgram", "google"} <= rows.keys()
    assert rows["openai"]["models"] == ["openai/gpt-4o-mini-tts", "openai/tts-1", "openai/tts-1-hd"]
    states = {vendor: (row["enabled"], row["byok"], row["managed"]) for vendor, row in rows.items()}
    assert states["openai"] == (True, True, False)
    assert states["google"] == (True, False, True)
    assert states["deepgram"] == (True, False, False)
    assert [vendor for vendor, (enabled, _, _) in states.items() if not enabled] == ["hume"]

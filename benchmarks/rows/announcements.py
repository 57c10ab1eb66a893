"""Time from an action to the first audio of an announcement that a media player receives.

Each player fetches the audio from Home Assistant's web server. A player of music pauses it first, or its server does.
`tts.speak` neither pauses nor sets a volume, so it is the floor of an idle player.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
from pathlib import Path
from time import monotonic
from typing import Any, Final

import aiohttp
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from ..candidates import Delivery
from ..conditions import PAUSE_S, QUIET_VOLUME, VOLUME_S
from ..environment import Environment
from ..home_assistant import add_chime_tts, add_orator
from ..players import NativePlayer, NoSoundError, Player, add_players
from ..results import ORATOR, Goal, Results, SeriesKey, Unit, difference, largest
from ..texts import announcement
from .first_audio import FIRST_AUDIO

ANNOUNCE: Final = "announce"

_TTS_SPEAK: Final = "tts.speak"
_CHIME_TTS_KEY: Final = "sk-simulated-key-for-announcements-of-chimes"
_LOUD_VOLUME: Final = 0.6
_MAX_IDLE_DELAY_MS: Final = 50
_MAX_PLAYING_DELAY_MS: Final = 300
_SETTLE_S: Final = 0.2  # between two announcements
_ACTION_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Case:
    """What a player does before an announcement, and with which volume it is announced."""

    name: str
    is_native: bool = False
    is_playing: bool = False
    volume: float | None = None
    is_repeated: bool = False
    """Whether another player has announced the same, so that Home Assistant has the audio in memory."""


_IDLE: Final = _Case("idle")
_REPEATED: Final = _Case("idle, audio in memory", is_repeated=True)
_IDLE_VOLUME: Final = _Case("idle, with volume", volume=_LOUD_VOLUME)
_PLAYING: Final = _Case("playing, with volume", is_playing=True, volume=_LOUD_VOLUME)
_NATIVE: Final = _Case("native, idle, with volume", is_native=True, volume=_LOUD_VOLUME)
_NATIVE_PLAYING: Final = _Case("native, playing, with volume", is_native=True, is_playing=True, volume=_LOUD_VOLUME)
_CASES: Final = (_IDLE, _IDLE_VOLUME, _PLAYING, _NATIVE, _NATIVE_PLAYING, _REPEATED)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An action that announces."""

    name: str
    domain: str
    service: str
    voice: str
    waits: bool = False
    """Whether its announcements wait for each other, whatever the player."""

    def data(self, case: _Case, player: str, message: str) -> dict[str, Any]:
        """Return the data of the action."""
        if self.name == _TTS_SPEAK:
            return {"entity_id": self.voice, "media_player_entity_id": player, "message": message}
        data: dict[str, Any] = {"entity_id": player, "message": message}
        if case.volume is not None:
            data["volume_level"] = case.volume
        if self.name == ORATOR:
            return {**data, "tts_entity_id": self.voice}
        return {**data, "tts_platform": self.voice, "announce": True}

    def expected_volume(self, case: _Case) -> float:
        """Return the volume of the announcement."""
        return QUIET_VOLUME if case.volume is None or self.name == _TTS_SPEAK else case.volume


async def measure(environment: Environment, results: Results) -> None:
    """Announce on one player after the other."""
    results.add_note(
        ANNOUNCE,
        f"A player pauses within {PAUSE_S * 1000:.0f} ms, sets its volume within {VOLUME_S * 1000:.0f} ms, and reports "
        f"both at once. {_TTS_SPEAK} sets no volume, and replaces the music of a player that is not native.",
    )
    hass = environment.instance.hass
    voice = environment.orator().entity_id
    candidates = [
        _Candidate(_TTS_SPEAK, "tts", "speak", voice),
        _Candidate(ORATOR, "orator", "announce", voice),
    ]
    if folder := environment.chime_tts:
        own_voice = await add_orator(hass, _CHIME_TTS_KEY, environment.provider.any_key_url)
        voice = await add_chime_tts(hass, own_voice)
        candidates.append(_Candidate(await _chime_tts_name(folder), "chime_tts", "say", voice, waits=True))
    else:
        results.add_note(ANNOUNCE, "chime_tts was not measured: --chime-tts needs a copy of it")
    async with _run_players(hass, candidates) as players:
        for run in range(environment.effort.times(5, 1) + 1):
            tasks: list[asyncio.Task[None]] = []
            said: dict[str, str] = {}
            for case in _CASES:
                for candidate in candidates:
                    message = said[candidate.name] if case.is_repeated else announcement().text
                    if case is _IDLE:
                        said[candidate.name] = message
                    value, task = await _announce(hass, candidate, case, players[candidate.name, case.name], message)
                    tasks.append(task)
                    if run:  # the first one warms up: connections, imports
                        results.add(SeriesKey(ANNOUNCE, case.name, candidate.name, Delivery.URL), FIRST_AUDIO, value)
                    await asyncio.sleep(_SETTLE_S)
            await asyncio.wait(tasks)
            environment.clear_cache()


@asynccontextmanager
async def _run_players(
    hass: HomeAssistant, candidates: list[_Candidate]
) -> AsyncGenerator[Mapping[tuple[str, str], Player]]:
    """Add a player for each candidate and case, so that no announcement waits for another one."""
    for domain in ("media_player", "media_source"):
        await async_setup_component(hass, domain, {})
    async with aiohttp.ClientSession() as session:
        players = {
            (candidate.name, case.name): (NativePlayer if case.is_native else Player)(
                f"{candidate.domain} {case.name}", session
            )
            for candidate in candidates
            for case in _CASES
        }
        await add_players(hass, *players.values())
        await hass.async_block_till_done()
        yield players


async def _announce(
    hass: HomeAssistant, candidate: _Candidate, case: _Case, player: Player, message: str
) -> tuple[float | str, asyncio.Task[None]]:
    """Return the seconds to the first audio or why there is none, and the action, which may last to the end."""
    player.prepare(is_playing=case.is_playing)
    data = candidate.data(case, player.entity_id, message)
    started_at = monotonic()
    task = asyncio.create_task(_call(hass, candidate, data), name=f"{candidate.name} {case.name}")
    sound = asyncio.create_task(player.wait_for_first_audio(candidate.expected_volume(case)))
    try:
        await asyncio.wait((task, sound), return_when=asyncio.FIRST_COMPLETED)
        if not sound.done() and (error := task.exception()):
            return f"{type(error).__name__}: {error}", task
        return await sound - started_at, task
    except NoSoundError as err:
        return str(err), task
    finally:
        sound.cancel()
        if candidate.waits:
            await asyncio.wait((task,))


async def _call(hass: HomeAssistant, candidate: _Candidate, data: dict[str, Any]) -> None:
    async with asyncio.timeout(_ACTION_TIMEOUT_S):
        await hass.services.async_call(candidate.domain, candidate.service, data, blocking=True)


async def _chime_tts_name(folder: Path) -> str:
    """Return the name with the version that was measured."""
    manifest = json.loads(await asyncio.to_thread((folder / "manifest.json").read_text))
    return f"chime_tts {manifest['version'].removeprefix('v')}"


def add_goals(results: Results) -> None:
    """Compare an idle player with `tts.speak`, and a playing one with an idle one."""
    for text, limit_ms, pairs in (
        (
            f"idle player: {_TTS_SPEAK} + {_MAX_IDLE_DELAY_MS} ms",
            _MAX_IDLE_DELAY_MS,
            [((case, ORATOR), (case, _TTS_SPEAK)) for case in (_IDLE, _REPEATED, _IDLE_VOLUME, _NATIVE)],
        ),
        (
            f"playing player: idle player + {_MAX_PLAYING_DELAY_MS} ms",
            _MAX_PLAYING_DELAY_MS,
            [((_PLAYING, ORATOR), (_IDLE, ORATOR)), ((_NATIVE_PLAYING, ORATOR), (_NATIVE, ORATOR))],
        ),
    ):
        found = [
            [results.find(SeriesKey(ANNOUNCE, case.name, name, Delivery.URL), FIRST_AUDIO) for case, name in pair]
            for pair in pairs
        ]
        failures = [failure for pair in found for series in pair for failure in series.failures]
        excess = largest(difference(one.median, other.median) for one, other in found)
        value = None if excess is None or failures else excess * 1000
        note = f"failed, {failures[0]}" if failures else "median, the worst case"
        results.goals.append(Goal(ANNOUNCE, text, limit_ms, value, Unit.MILLISECONDS, note))

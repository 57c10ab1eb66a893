"""Chapter `announcements`: `orator.announce` on real players with music, and on a satellite."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from tests.support.home_assistant.api import Json
from tests.support.processes import LOCALHOST

from .assist import add_wyoming_service, assert_recorded
from .context import Context
from .entities import get_voice, wait_for_new_entity
from .music import BAR_S, Part, serve_music, split_parts
from .player_programs import run_mpd, run_renderer
from .players import add_renderer
from .report import ChapterFailedError, Report
from .satellite import run_wyoming_services
from .sound_server import Sink, run_sound_server
from .speaker_programs import RendererReports, ReportingPlayer, connect_mpd, run_squeezelite, run_vlc

_FIRST: Final = "{}one reports that the dishwasher has finished, please unload it."
_SECOND: Final = "{}two answers: someone rings at our garden gate, both dogs bark."
_THIRD: Final = "{}three says good night, every door is locked."
_SINKS: Final = ("mpd", "renderer", "squeezelite", "vlc")
_BEFORE_S: Final = 3.0
"""Position of the music at which the announcements begin."""
_AFTER_S: Final = 2.0
"""Seconds of music after the announcements."""
_BUFFER_S: Final = 1.0
"""Seconds of audio between a player and the recording."""
_POLL_S: Final = 0.05
_MAX_POSITION_ERROR_S: Final = 2.0
_MAX_LEVEL_ERROR: Final = 0.15


@dataclass(frozen=True, slots=True)
class _Speaker:
    """A player with music. volumes: of the music, and of the two announcements, as in Home Assistant."""

    context: Context
    entity_id: str
    sink: Sink
    reports: ReportingPlayer
    volumes: tuple[float, float, float]
    can_seek: bool = True
    resumes: bool = True

    async def act(self, action: str, **data: object) -> None:
        """Perform an action of the media player."""
        await self.context.api.perform_action(f"media_player.{action}", {"entity_id": self.entity_id, **data})

    async def announce(self, message: str, **data: object) -> Json:
        """Perform `orator.announce`, and return the result."""
        return await _announce(self.context, self.entity_id, message, **data)

    async def wait_for(self, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a condition of the program."""
        await self.context.api.wait_for(f"{self.entity_id}: {what}", condition)

    async def play_music(self, url: str) -> None:
        """Play music until its position shows that it plays."""
        await self.act("volume_set", volume_level=self.volumes[0])
        await self.act("play_media", media_content_id=url, media_content_type="music")
        await self.wait_for("music plays", self._has_begun)

    async def _has_begun(self) -> bool:
        return await self.reports.is_playing() and await self.reports.position() >= _BEFORE_S


@dataclass(slots=True)
class _VolumeLog:
    """The volumes that a program has reported, each once in sequence."""

    reports: ReportingPlayer
    volumes: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def run(self) -> AsyncGenerator[None]:
        """Read the volume as long as the context lasts."""
        task = asyncio.create_task(self._poll())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _poll(self) -> None:
        while True:
            volume = await self.reports.volume()
            if self.volumes[-1:] != [volume]:
                self.volumes.append(volume)
            await asyncio.sleep(_POLL_S)


async def run_announcements(context: Context, report: Report) -> None:
    """Announce on every player and on the satellite."""
    async with report.step("a voice is available"):
        await get_voice(context)
    async with (
        serve_music(context.folder) as music,
        run_sound_server(context.programs, context.folder, _SINKS) as sinks,
    ):
        for name, run in (("mpd", _mpd), ("renderer", _renderer), ("squeezelite", _squeezelite), ("vlc", _vlc)):
            async with AsyncExitStack() as stack:
                stack.enter_context(suppress(ChapterFailedError))  # the other players are tried as well
                async with report.step(f"{name} is added with Home Assistant's own integration"):
                    speaker = await run(context, sinks[name], stack)
                await _assert_announcements(report, name, speaker, music)
    await _assert_satellite(context, report)


async def _mpd(context: Context, sink: Sink, stack: AsyncExitStack) -> _Speaker:
    mpd = await stack.enter_async_context(run_mpd(context.programs, context.folder, sink))
    entity_id = await wait_for_new_entity(
        context.api, "media_player", context.api.add_entry("mpd", {"host": LOCALHOST, "port": mpd.port})
    )
    reports = await stack.enter_async_context(connect_mpd(mpd.port))
    return _Speaker(context, entity_id, sink, reports, (0.6, 0.8, 0.7))


async def _renderer(context: Context, sink: Sink, stack: AsyncExitStack) -> _Speaker:
    renderer = await stack.enter_async_context(run_renderer(context.programs, context.folder, sink))
    entity_id = await wait_for_new_entity(context.api, "media_player", add_renderer(context, renderer))
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)))
    return _Speaker(context, entity_id, sink, RendererReports(URL(renderer.url), session), (0.6, 0.8, 0.7))


async def _squeezelite(context: Context, sink: Sink, stack: AsyncExitStack) -> _Speaker:
    await context.api.add_entry("slimproto")
    reports = None

    async def connect() -> None:
        nonlocal reports
        reports = await stack.enter_async_context(run_squeezelite(context.programs, context.folder, sink))

    entity_id = await wait_for_new_entity(context.api, "media_player", connect())
    assert reports
    return _Speaker(context, entity_id, sink, reports, (0.6, 0.8, 0.7), can_seek=False)


async def _vlc(context: Context, sink: Sink, stack: AsyncExitStack) -> _Speaker:
    """VLC adds announcements to the end of its playlist, from where nothing leads back to the music."""
    vlc = await stack.enter_async_context(run_vlc(context.programs, context.folder, sink))
    form = {"host": LOCALHOST, "port": vlc.port, "password": vlc.password}
    entity_id = await wait_for_new_entity(context.api, "media_player", context.api.add_entry("vlc_telnet", form))
    return _Speaker(context, entity_id, sink, vlc.reports, (0.3, 0.4, 0.35), resumes=False)


async def _announce(context: Context, entity_id: str, message: str, **data: object) -> Json:
    """Perform `orator.announce`, and return the result of a speaker."""
    response = await context.api.post(
        "/api/services/orator/announce?return_response", {"entity_id": entity_id, "message": message, **data}
    )
    result: Json = response["service_response"][entity_id]
    return result


async def _announce_two(
    context: Context, entity_id: str, first: str, second: str, volumes: Sequence[float] = ()
) -> None:
    """Make two announcements at once, and assert that both were played."""
    data: list[Json] = [{"volume_level": volume} for volume in volumes] or [{}, {}]
    async with asyncio.TaskGroup() as tasks:
        earlier = tasks.create_task(_announce(context, entity_id, first, **data[0]))
        await context.api.wait_for("the first announcement", lambda: _was_requested(context, first))
        later = tasks.create_task(_announce(context, entity_id, second, **data[1]))
    results = [earlier.result(), later.result()]
    assert [result["status"] for result in results] == ["played", "played"], results


async def _was_requested(context: Context, text: str) -> bool:
    word = text.partition(" ")[0]
    return any(word in str(request.body) for request in context.simulator.requests)


async def _assert_announcements(report: Report, name: str, speaker: _Speaker, music: str) -> None:
    texts = _FIRST.format(name), _SECOND.format(name)
    recording = speaker.sink.recording
    async with report.step(f"{name}: two announcements at once over music are heard one after the other"):
        await speaker.play_music(music)
        start, reported = recording.seconds, await speaker.reports.volume()
        log = _VolumeLog(speaker.reports)
        async with log.run():
            await _announce_two(speaker.context, speaker.entity_id, *texts, speaker.volumes[1:])
            if speaker.resumes:
                await speaker.wait_for("the music plays again", speaker.reports.is_playing)
            await speaker.wait_for("the volume", lambda: _has_volume(speaker.reports, reported))
            end = recording.seconds + _AFTER_S
            await speaker.wait_for("more music", lambda: _is_reached(recording.seconds, end))
        parts = split_parts(recording.samples(max(0.0, start - 1)), texts)
        assert [part.text for part in parts] == [None, *texts, *([None] * speaker.resumes)], parts
        assert parts[1].level > parts[2].level > parts[0].level, parts
        assert log.volumes[0] == log.volumes[-1] == reported, log.volumes
        assert len(log.volumes) == 4, log.volumes
    if not speaker.resumes:
        return
    async with report.step(f"{name}: the music continues with its volume"):
        _assert_continued(parts[0], parts[-1], can_seek=speaker.can_seek)
    async with report.step(f"{name}: paused music stays paused after an announcement"):
        await speaker.act("media_pause")
        await speaker.wait_for("pause", lambda: _not(speaker.reports.is_playing()))
        start = recording.seconds
        text = _THIRD.format(name)
        result = await speaker.announce(text, volume_level=speaker.volumes[1])
        assert result["status"] == "played", result
        await speaker.wait_for("the end", lambda: _not(speaker.reports.is_playing()))
        await speaker.wait_for("the volume", lambda: _has_volume(speaker.reports, reported))
        end = recording.seconds + _BUFFER_S
        await speaker.wait_for("the end of the recording", lambda: _is_reached(recording.seconds, end))
        parts = split_parts(recording.samples(start), (text,))
        assert [part.text for part in parts if len(part.bars) != 1] == [text], parts


def _assert_continued(before: Part, after: Part, *, can_seek: bool) -> None:
    """Assert that the music continues at its position, if the player can seek, and never at another volume."""
    position = before.bars[-1] if can_seek else 0
    assert abs(after.bars[0] - position) * BAR_S < _MAX_POSITION_ERROR_S, (before.bars, after.bars)
    for part in (before, after):
        assert max(part.levels) < before.level * (1 + _MAX_LEVEL_ERROR), part
        assert min(part.levels[1:-1]) > before.level * (1 - _MAX_LEVEL_ERROR), part


async def _is_reached(seconds: float, end: float) -> bool:
    return seconds >= end


async def _has_volume(reports: ReportingPlayer, volume: float) -> bool:
    return await reports.volume() == volume


async def _not(answer: Awaitable[bool]) -> bool:
    return not await answer


async def _assert_satellite(context: Context, report: Report) -> None:
    async with run_wyoming_services() as services:
        async with report.step("a satellite is added with Home Assistant's own integration"):
            satellite = await wait_for_new_entity(
                context.api, "assist_satellite", add_wyoming_service(context.api, services.satellite_port)
            )
        async with report.step("two announcements at once on the satellite are heard one after the other"):
            texts = _FIRST.format("satellite"), _SECOND.format("satellite")
            announcing = asyncio.create_task(_announce_two(context, satellite, *texts))
            for text in texts:
                await assert_recorded(context, await services.next_recording(), text)
            await announcing

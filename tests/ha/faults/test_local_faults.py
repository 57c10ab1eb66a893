"""Faults of the computer itself at each endpoint: a missing chime file and a full disk silence no voice."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
import errno
import io
from pathlib import Path
from typing import Any, Final

from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest

from tests.simulator import Simulator
from tests.simulator.exchange import ClientPort
from tests.support.actions import create_media_folder
from tests.support.audio import RATE
from tests.support.chimes import write_audio_file
from tests.support.word_decoder import codes_of, heard_words

from .cases import SHARE
from .endpoints import ENDPOINTS, Endpoint
from .limits import shorten_limits
from .runner import load_endpoint_account
from .verification import decode_served_audio

_CHECKED_ENDPOINTS: Final = ENDPOINTS if SHARE == "full" else ENDPOINTS[:1]
_TEXT: Final = "Alpha opens the long garden gate."
_CHIME: Final = "share/gong.wav"
_ENTITY_ID: Final = "tts.ann"


@pytest.fixture(params=_CHECKED_ENDPOINTS, ids=lambda endpoint: endpoint.name)
async def server(
    hass: HomeAssistant, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncGenerator[ClientPort]:
    """Load a voice at an endpoint without a fallback, and yield the port of the endpoint's host."""
    endpoint: Endpoint = request.param
    shorten_limits(monkeypatch)
    assert await async_setup_component(hass, "homeassistant", {})
    async with AsyncExitStack() as running:
        host = endpoint.prepare_host(simulator)
        if host is not simulator:
            await running.enter_async_context(host)
        port = await host.open_client_port()
        await load_endpoint_account(hass, endpoint, port.origin, "Ann", has_fallback=False)
        yield port


async def hear(hass: HomeAssistant, **options: Any) -> list[int]:
    """Return the codes of the words in a message, without the chime; Home Assistant forgets what is not on disk."""
    hass.data[DATA_TTS_MANAGER].mem_cache.clear()
    stream = tts.async_create_stream(hass, _ENTITY_ID, options={"preferred_format": "mp3", **options})
    stream.async_set_message(_TEXT)
    audio = b"".join([block async for block in stream.async_stream_result()])
    await hass.async_block_till_done(wait_background_tasks=True)
    return [word.code for word in heard_words(decode_served_audio(audio).samples, RATE) if word.code is not None]


async def test_missing_chime(hass: HomeAssistant, server: ClientPort) -> None:
    """A voice speaks while its chime file is away, caches nothing until it is back, and then needs no request."""
    path = write_audio_file(hass.config.config_dir, _CHIME)
    away = path.rename(path.with_name("away.wav"))
    words = codes_of(_TEXT)
    assert await hear(hass, chime=_CHIME) == words
    assert await hear(hass, chime=_CHIME) == words
    assert not hass.data[DATA_TTS_MANAGER].file_cache
    away.rename(path)
    assert await hear(hass, chime=_CHIME) == words
    assert len(hass.data[DATA_TTS_MANAGER].file_cache) == 1
    server.requests.clear()
    assert await hear(hass, chime=_CHIME) == words
    assert not server.requests


class _FullDisk(io.FileIO):
    """A file of which only the beginning can be written."""

    def write(self, data: Any) -> int:
        super().write(bytes(data)[:3])
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_full_disk(
    hass: HomeAssistant, server: ClientPort, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A voice speaks although no file can be written, and actions that store speech say so and leave no part of it."""
    folder = create_media_folder(hass, tmp_path_factory.mktemp("full"))
    stored = folder / "stored.mp3"
    stored.write_bytes(b"precious")
    open_file = Path.open

    def open_on_full_disk(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        is_written = mode in ("wb", "xb")
        return _FullDisk(path, mode.strip("b")) if is_written else open_file(path, mode, *args, **kwargs)

    with monkeypatch.context() as disk:
        disk.setattr(Path, "open", open_on_full_disk)
        disk.setattr(tts, "open", lambda path, mode: open_on_full_disk(Path(path), mode), raising=False)
        assert await hear(hass) == codes_of(_TEXT)
        assert not hass.data[DATA_TTS_MANAGER].file_cache
        for data in ({"file_name": "new"}, {"file_name": "stored", "overwrite": True}):
            assert await _call_failing(hass, "synthesize", message=_TEXT, **data) == "file_not_written"
        assert await _call_failing(hass, "prepare", messages=[_TEXT]) == "not_all_prepared"
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("stored.mp3", b"precious")]
    assert await hear(hass) == codes_of(_TEXT)
    server.requests.clear()
    assert await hear(hass) == codes_of(_TEXT)
    assert not server.requests


async def _call_failing(hass: HomeAssistant, action: str, **data: Any) -> str | None:
    """Call an action that fails, and return the translation key of its error."""
    has_response = action == "synthesize"
    with pytest.raises(HomeAssistantError) as error:
        await hass.services.async_call(
            "orator", action, data, target={"entity_id": _ENTITY_ID}, blocking=True, return_response=has_response
        )
    return error.value.translation_key

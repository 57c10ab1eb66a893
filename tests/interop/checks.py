"""What is checked on every server: keys, forms, formats, a player and a satellite."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.demo.playback import DemoRecording, DemoVoice, play_on_speaker, play_url
from tests.e2e.assist import create_pipeline, save_recording
from tests.e2e.entities import wait_for_new_entity
from tests.e2e.report import ChapterFailedError, Report
from tests.e2e.satellite import WyomingServices
from tests.support.home_assistant import Api, Json, WebSocket

from .forms import (
    add_voice,
    assert_created,
    assert_refused,
    choose_model,
    delete_account,
    get_choices,
    open_voice_form,
    resubmit_account,
    submit_account,
    submit_openai_account,
)
from .servers import API_KEY, Server
from .words import AssertSpoken

WORDS_PER_SECOND: Final = 4
"""Pace of the streamed reply."""
_WRONG_KEY: Final = "sk-wrong"
_VOICE: Final = "alloy"
# Without numbers and abbreviations, which the recognizer may write differently.
_FIRST_MESSAGE: Final = "Good morning. Breakfast is ready, and the coffee is still hot."
_FORMAT_MESSAGE: Final = "The front door is unlocked. Please close the windows before you leave the house."
_MODEL_MESSAGE: Final = "The dishwasher has finished. Please empty it before dinner."
_INSTRUCTED_MESSAGE: Final = "Welcome home. The living room is warm, and the lights are on."
_PLAYER_MESSAGE: Final = "Good evening. The washing machine has finished, and the kitchen window is still open."
_REPLY: Final = (
    "The heating in the bathroom is switched on. It takes a while until the room is warm. "
    "The window was still open, so please close it first. It is cold outside, and it may snow tonight. "
    "I will tell you when the bathroom is ready, and switch the heating off again in the evening."
)


@dataclass(frozen=True, slots=True)
class Assist:
    """The parts of an Assist pipeline besides the voice.

    services: the satellite and the recognizer.
    open_websocket: opens a WebSocket of Home Assistant, which it closes when it is idle for a minute.
    """

    services: WyomingServices
    open_websocket: Callable[[], AbstractAsyncContextManager[WebSocket]]
    agent: str
    recognizer: str


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of a server.

    assert_spoken: verifies a file.
    folder: for recordings.
    """

    api: Api
    assist: Assist
    report: Report
    server: Server
    assert_spoken: AssertSpoken
    folder: Path

    async def run(self) -> None:
        """Check everything that does not need a result of a failed check."""
        await self._check_refused_keys()
        entry_id = await self._check_right_key()
        if entry_id:
            await self._check_models(entry_id)
            await self._check_formats(entry_id)
            await self._check_playback(entry_id, self.server.setup.model)
            async with self._check("a wrong API key is refused when the account is changed"):
                changed = await resubmit_account(self.api, entry_id, self.server.base_url, _WRONG_KEY)
                await assert_refused(self.api, changed, "invalid_key")
            await delete_account(self.api, entry_id)
        if self.server.setup.realtime_model:
            await self._check_proxy()

    @asynccontextmanager
    async def _check(self, name: str) -> AsyncGenerator[None]:
        """Run a check, and continue if it fails."""
        with suppress(ChapterFailedError):
            async with self.report.step(f"{self.server.setup.name}: {name}"):
                yield

    async def _check_refused_keys(self) -> None:
        """Check that the form of the account refuses wrong and missing keys."""
        for name, key, error in (("wrong", _WRONG_KEY, "invalid_key"), ("missing", "", "missing_key")):
            async with self._check(f"a {name} API key is refused at its field"):
                await assert_refused(self.api, await submit_account(self.api, self.server.base_url, key), error)

    async def _check_right_key(self) -> str:
        """Check that the right key is accepted, and return the ID of the config entry, empty if it was not."""
        entry_id = ""

        async def create() -> None:
            nonlocal entry_id
            entry_id = assert_created(await submit_account(self.api, self.server.base_url, API_KEY))

        async with self._check("the right API key creates an account with a voice that speaks"):
            entity_id = await wait_for_new_entity(self.api, "tts", create())
            await self._assert_message(self._voice(entity_id), _FIRST_MESSAGE)
        return entry_id

    async def _check_models(self, entry_id: str) -> None:
        """Check that the server's speech models are offered and speak."""
        setup = self.server.setup
        async with self._check("the form of a voice offers the models that speak"):
            models = get_choices(await open_voice_form(self.api, entry_id), "model")
            assert sorted(models) == list(setup.models), f"the form offers {models}"
        for model in setup.models:
            if model not in (setup.model, setup.instructed_model):
                async with self._check(f"the model {model} speaks"):
                    await self._assert_message(await self._add_voice(entry_id, model, {}), _MODEL_MESSAGE)
        if model := setup.instructed_model:
            async with self._check(f"the model {model} speaks, with instructions"):
                voice = await self._add_voice(entry_id, model, {"instructions": "Speak calmly."})
                await self._assert_message(voice, _INSTRUCTED_MESSAGE)

    async def _check_formats(self, entry_id: str) -> None:
        """Check that the formats of the server are offered, and that a voice with each offered format speaks in it."""
        setup = self.server.setup
        formats: list[str] = []
        async with self._check("the form of a voice offers the formats of the server"):
            formats = get_choices(await choose_model(self.api, entry_id, setup.model), "format")
            assert set(formats) >= set(setup.formats), f"the form offers {formats}"
        for audio_format in formats or setup.formats:
            async with self._check(f"a voice speaks in {audio_format}"):
                recording = await self._assert_message(
                    await self._add_voice(entry_id, setup.model, {"advanced": {"format": audio_format}}),
                    _FORMAT_MESSAGE,
                )
                assert recording.file.suffix == f".{audio_format}", f"the audio is {recording.file.suffix}"

    async def _check_playback(self, entry_id: str, model: str) -> None:
        """Check a complete message on a player and a streamed reply on a satellite, with one voice."""
        voice: DemoVoice | None = None
        async with self._check(f"a message by {model} is heard completely on a player"):
            voice = await self._add_voice(entry_id, model, {})
            recording = await play_on_speaker(self.api, voice, self.folder, _PLAYER_MESSAGE)
            await self.assert_spoken(recording.file, recording.text)
        if voice is None:
            return
        # How soon a real voice starts depends on the computer and its load.
        must_start_early = self.server.setup.has_simulated_voice
        name = f"a streamed reply by {model} is heard completely on a satellite"
        async with self._check(f"{name}, and starts while it is generated" if must_start_early else name):
            await self._assert_reply(voice, must_start_early=must_start_early)

    async def _check_proxy(self) -> None:
        """Check the server as a proxy of OpenAI: its form, and a realtime model over the server's WebSocket."""
        entry_id = ""
        async with self._check("a wrong API key is refused by the form for OpenAI"):
            result = await submit_openai_account(self.api, self.server.base_url, _WRONG_KEY)
            await assert_refused(self.api, result, "invalid_key")
        async with self._check("the right API key is accepted by the form for OpenAI"):
            result = await submit_openai_account(self.api, self.server.base_url, API_KEY)
            entry_id = assert_created(result)
        if entry_id:
            await self._check_playback(entry_id, self.server.setup.realtime_model)
            await delete_account(self.api, entry_id)

    async def _add_voice(self, entry_id: str, model: str, settings: Json) -> DemoVoice:
        """Add a voice, and return it once it is available."""
        setup = add_voice(self.api, entry_id, model, {"voice": _VOICE, **settings})
        return self._voice(await wait_for_new_entity(self.api, "tts", setup))

    def _voice(self, entity_id: str) -> DemoVoice:
        name = f"{self.server.setup.name} {entity_id.partition('.')[2]}"
        return DemoVoice(entity_id, name, "", is_real=not self.server.setup.has_simulated_voice)

    async def _assert_message(self, voice: DemoVoice, message: str) -> DemoRecording:
        """Assert that a voice speaks a message, and return the recording."""
        recording = await play_url(self.api, voice, self.folder, message)
        await self.assert_spoken(recording.file, message)
        return recording

    async def _assert_reply(self, voice: DemoVoice, *, must_start_early: bool) -> None:
        """Speak to the satellite, and assert that it gets the whole reply; early: before its text is complete."""
        services = self.assist.services
        async with self.assist.open_websocket() as websocket:
            await create_pipeline(websocket, self.assist.agent, self.assist.recognizer, voice.entity_id)
        started = await services.speak(_REPLY)
        recording = await services.next_recording()
        audio_after, generated_after = recording.started - started, len(_REPLY.split()) / WORDS_PER_SECOND
        is_early = audio_after < generated_after
        assert is_early or not must_start_early, f"audio after {audio_after:.1f} s of {generated_after:.1f} s"
        file = self.folder / f"{self.server.setup.name}-satellite.wav"
        save_recording(recording, file)
        await self.assert_spoken(file, _REPLY)

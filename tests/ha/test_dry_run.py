"""The action `orator.synthesize` with `dry_run`: an estimate of what the message will use, without a request."""

from pathlib import Path
from typing import Any

from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.limits import UsageLimits
from custom_components.orator.providers.openai import OpenAIProvider
from custom_components.orator.providers.openai.documented_models import price_for
from tests.simulator import Simulator
from tests.support.actions import call_action, call_failing_action, create_media_folder
from tests.support.speech import (
    OUT_OF_CREDIT,
    Hear,
    create_account,
    get_post_requests,
    get_speech_requests,
)
from tests.support.streams import SENTENCE, stream_text

TEXTS = {
    "sentence": SENTENCE,
    "markup": "**Attention!** See the [plan](https://harbour.example/plan): the ferry leaves at 7.",
    "long": " ".join(
        f"On day {day} of the **long** journey, {day * 7} people came aboard the ferry." for day in range(50)
    ),
}
VOICES = {
    "speech": ("openai", {"model": "gpt-4o-mini-tts", "voice": "coral"}),
    "tts-1": ("openai", {"model": "tts-1", "voice": "coral"}),
    "realtime": ("openai", {"model": "gpt-realtime-2.1-mini", "voice": "coral"}),
    "nanogpt": ("nanogpt", {"model": "tts-1", "voice": "coral"}),
    "nanogpt estimate": ("nanogpt", {"model": "xai-tts", "voice": "Eve"}),
    "nanogpt link": ("nanogpt", {"model": "Kokoro-82m", "voice": "af_bella", "endpoint": "tts"}),
    "nanogpt job": ("nanogpt", {"model": "Elevenlabs-Turbo-V2.5", "voice": "Adam", "endpoint": "tts"}),
    "speechbase": ("speechbase", {"mode": "inline", "model": "openai/tts-1", "voice": "nova"}),
}
REPLACEMENTS = [{"find": "kettle", "say": "electric water boiler"}]


@pytest.fixture
def entry(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> MockConfigEntry:
    """Return an account with a voice; the models of the simulated OpenAI have the prices of OpenAI."""
    monkeypatch.setattr(OpenAIProvider, "_price", lambda _self, model_id: price_for(model_id))
    return create_account(simulator, *VOICES[getattr(request, "param", "tts-1")])


def usage_in(response: dict[str, Any]) -> dict[str, Any]:
    """Return what a response says about the usage."""
    return {key: response[key] for key in ("characters", "cost", "currency", "is_estimate", "from_cache", "spoken_by")}


def streams(account: MockConfigEntry) -> bool:
    """Return whether the model of the only voice streams."""
    (voice,) = account.subentries.values()
    is_streamed: bool = account.runtime_data.data.model_for(voice.data).streams
    return is_streamed


@pytest.mark.parametrize("entry", VOICES, indirect=True)
@pytest.mark.parametrize("text", TEXTS)
async def test_estimate_is_charged(
    hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator, text: str
) -> None:
    """The estimate has the characters, requests and currency that are recorded, and about the cost."""
    message = TEXTS[text]
    simulator.requests.clear()
    estimate = await call_action(hass, "synthesize", message=message, dry_run=True)
    assert not get_post_requests(simulator)
    assert not simulator.openai.realtime.responses
    response = await call_action(hass, "synthesize", message=message)
    usage = account.runtime_data.usage.totals.today
    # How many sentences are one request of a model without streaming depends on how fast it speaks.
    tolerance = 0 if text != "long" or streams(account) else 5
    assert estimate["requests"] == pytest.approx(usage.requests, abs=tolerance)
    assert estimate["characters"] == pytest.approx(response["characters"], abs=tolerance)
    assert response["characters"] == usage.characters > 0
    assert (estimate["currency"], estimate["spoken_by"]) == (response["currency"], ["tts.ann"])
    assert estimate["from_cache"] is False
    if response["cost"] is None:
        assert estimate["cost"] is None
    else:
        assert estimate["cost"] == pytest.approx(response["cost"], rel=0.25)
    assert estimate["is_estimate"] is (response["cost"] is not None)


async def test_cached_message(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """A cached message costs nothing, but without the cache it is charged again."""
    await call_action(hass, "synthesize", message=SENTENCE)
    again = await call_action(hass, "synthesize", message=SENTENCE, dry_run=True)
    assert usage_in(again) == usage_in(await call_action(hass, "synthesize", message=SENTENCE))
    assert (again["from_cache"], again["characters"], again["requests"], again["cost"]) == (True, 0, 0, 0)
    other = await call_action(hass, "synthesize", message=SENTENCE, options={"speed": 1.5}, dry_run=True)
    assert (other["from_cache"], other["characters"]) == (False, len(SENTENCE))
    assert len(get_speech_requests(simulator)) == 1


@pytest.mark.parametrize("cache", [True, False])
async def test_cached_sentence(hass: HomeAssistant, account: MockConfigEntry, hear: Hear, *, cache: bool) -> None:
    """A sentence that the voice has spoken in a reply costs nothing, unless the cache is off."""
    assert await hear(stream_text(SENTENCE))
    estimate = await call_action(hass, "synthesize", message=SENTENCE, cache=cache, dry_run=True)
    assert usage_in(estimate) == usage_in(await call_action(hass, "synthesize", message=SENTENCE, cache=cache))
    assert estimate["from_cache"] is cache


async def test_settings_count(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The estimate is that of the text that is sent, with the model and replacements of the call."""
    data = {"message": SENTENCE, "options": {"replacements": REPLACEMENTS, "model": "tts-1-hd"}}
    estimate = await call_action(hass, "synthesize", **data, dry_run=True)
    assert estimate["characters"] == len(SENTENCE.replace("kettle", "electric water boiler"))
    assert estimate["cost"] == pytest.approx(0.03 * estimate["characters"] / 1000)
    assert usage_in(estimate) == usage_in(await call_action(hass, "synthesize", **data))


async def test_invalid_action(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """An invalid option or language is the same error as without a dry run."""
    for invalid in ({"options": {"speed": 99}}, {"options": {"loudnes": 3}}, {"language": "tlh"}):
        keys = [
            await call_failing_action(
                hass, "synthesize", ServiceValidationError, message=SENTENCE, dry_run=is_dry, **invalid
            )
            for is_dry in (True, False)
        ]
        assert keys[0] == keys[1]


async def test_no_file(hass: HomeAssistant, account: MockConfigEntry, tmp_path: Path) -> None:
    """No file is stored, and nothing is recorded."""
    folder = create_media_folder(hass, tmp_path)
    await call_action(hass, "synthesize", message=SENTENCE, file_name="kettle", dry_run=True)
    assert not list(folder.rglob("*"))
    assert account.runtime_data.usage.totals.today.requests == 0
    assert not hass.data[DATA_TTS_MANAGER].token_to_stream


@pytest.mark.parametrize("entry", ["tts-1"], indirect=True)
async def test_several_voices(hass: HomeAssistant, fallback_account: MockConfigEntry) -> None:
    """One action compares the costs of several voices."""
    response = await hass.services.async_call(
        "orator",
        "synthesize",
        {"message": SENTENCE, "dry_run": True},
        target={"entity_id": ["tts.ann", "tts.ben"]},
        blocking=True,
        return_response=True,
    )
    assert {key: (value["characters"], value["cost"]) for key, value in response.items()} == {
        "tts.ann": (len(SENTENCE), pytest.approx(0.015 * len(SENTENCE) / 1000)),
        "tts.ben": (len(SENTENCE), None),
    }


async def test_fallback_speaks(hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry) -> None:
    """While the account's circuit breaker is open, the estimate is that of the fallback, which speaks first."""
    simulator.fail(OUT_OF_CREDIT)
    with pytest.raises(HomeAssistantError):
        await call_action(hass, "synthesize", message="Hello.")
    simulator.requests.clear()
    data = {"message": SENTENCE, "options": {"fallback": ["tts.ben"]}}
    estimate = await call_action(hass, "synthesize", **data, dry_run=True)
    assert not get_post_requests(simulator)
    assert estimate["spoken_by"] == ["tts.ben"]
    assert usage_in(estimate) == usage_in(await call_action(hass, "synthesize", **data))
    other = {"message": SENTENCE, "options": {"fallback": ["tts.of_another_integration"]}}
    unknown = await call_action(hass, "synthesize", **other, dry_run=True)
    assert (unknown["spoken_by"], unknown["cost"]) == (["tts.of_another_integration"], None)


@pytest.mark.parametrize("entry", ["nanogpt", "speechbase"], indirect=True)
async def test_left_of_limits(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The answer states what is left of the account's limits, in its currency or otherwise in characters."""
    without = await call_action(hass, "synthesize", message=SENTENCE, dry_run=True)
    assert {without[key] for key in ("left_today", "left_this_month", "limit_unit")} == {None}
    response = await call_action(hass, "synthesize", message=SENTENCE)
    account.runtime_data.limiter.async_set(UsageLimits(monthly_limit=100))
    estimate = await call_action(hass, "synthesize", message=SENTENCE, dry_run=True)
    assert estimate["left_today"] is None
    is_priced = response["cost"] is not None
    assert estimate["left_this_month"] == pytest.approx(100 - response["cost" if is_priced else "characters"])
    assert estimate["limit_unit"] == ("USD" if is_priced else "characters")


async def test_reached_limit(hass: HomeAssistant, account: MockConfigEntry, fallback_account: MockConfigEntry) -> None:
    """While a limit is reached, the estimate is that of the fallback and its account's limits."""
    await call_action(hass, "synthesize", message="Hello.")
    account.runtime_data.limiter.async_set(UsageLimits(daily_limit=1e-6))
    fallback_account.runtime_data.limiter.async_set(UsageLimits(daily_limit=500))
    await hass.async_block_till_done()
    data = {"message": SENTENCE, "options": {"fallback": ["tts.ben"]}}
    estimate = await call_action(hass, "synthesize", **data, dry_run=True)
    assert (estimate["spoken_by"], estimate["left_today"], estimate["limit_unit"]) == (["tts.ben"], 500, "characters")
    assert (await call_action(hass, "synthesize", **data))["spoken_by"] == ["tts.ben"]

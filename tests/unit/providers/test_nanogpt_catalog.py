"""What NanoGPT offers, by its catalogue and where that is silent by its documentation."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.providers import errors
from custom_components.orator.providers.base import HttpSessions
from custom_components.orator.providers.models import Balance, Price
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from custom_components.orator.providers.nanogpt.catalog import parse_models
from tests.simulator import Fault, Simulator

from .nanogpt import provider_of


@pytest.fixture
def provider(simulator: Simulator, connections: HttpSessions) -> NanoGPTProvider:
    """Return the provider."""
    return provider_of(simulator, connections)


async def test_models_that_speak(provider: NanoGPTProvider) -> None:
    """Models are listed by name, with price, limit and voices; what does not speak is left out."""
    models = {model.id: model for model in provider.models(await provider.fetch_catalog())}
    assert list(models) == [
        "Elevenlabs-Turbo-V2.5",
        "Elevenlabs-V3",
        "gemini-2.5-flash-preview-tts",
        "gpt-4o-mini-tts",
        "xai-tts",
        "Kokoro-82m",
        "nano-tts-1",
        "tts-1",
        "tts-1-hd",
    ]
    turbo = models["Elevenlabs-Turbo-V2.5"]
    assert (turbo.name, turbo.max_chars) == ("ElevenLabs Turbo V2.5", 10_000)
    assert turbo.price == Price("USD", per_thousand_chars=0.06, minimum=0.001)
    assert turbo.voices[0].id == "Rachel"
    assert len(turbo.voices) == 46
    assert models["Elevenlabs-V3"].languages == ("de", "en", "fr")
    gemini = models["gemini-2.5-flash-preview-tts"]
    assert gemini.price == Price("USD", per_thousand_chars=0.051, per_request=0.0005)


def row(**changed: Any) -> Mapping[str, Any]:
    """Return a row of the catalogue."""
    return {
        "id": "speaker-1",
        "name": "Speaker",
        "architecture": {"modality": "text->audio"},
        "capabilities": {"text_to_speech": True},
        "supported_parameters": {},
    } | changed


@pytest.mark.parametrize(
    ("changed", "is_kept"),
    [
        ({}, True),
        ({"category": "audio_tts", "capabilities": {}}, True),
        ({"category": "audio_tts", "capabilities": {"text_to_speech": False}}, True),
        ({"category": "audio_stt", "capabilities": {}}, False),
        ({"capabilities": {"text_to_speech": False}}, False),
        ({"capabilities": None, "architecture": None}, True),
        ({"architecture": {"modality": "audio"}}, True),
        ({"architecture": {"modality": "text->music"}}, False),
        ({"architecture": {"modality": "text->text"}}, False),
        ({"architecture": {"modality": "audio->text"}}, False),
        ({"architecture": {"modality": "text+audio->audio"}}, False),
        ({"id": "Minimax-Voice-Clone"}, False),
        ({"id": "ace-step-lyrics"}, False),
        ({"id": "Stable-Audio-Inpaint"}, False),
        ({"id": "Elevenlabs-Music-V1"}, False),
        ({"id": ""}, False),
        ({"id": 5}, False),
    ],
)
def test_which_rows_are_models_that_speak(changed: dict[str, Any], *, is_kept: bool) -> None:
    """A model has to make speech of nothing but text, whatever its row claims."""
    assert bool(parse_models({"data": [row(**changed)]})) is is_kept


def test_odd_rows() -> None:
    """What is not as expected is left out, not fallen over."""
    odd = row(
        name=None,
        supported_parameters={"voices": ["Ann", 5, None, "", "Ann"], "max_chars": "many", "supported_languages": "en"},
        pricing={"per_thousand_chars": "cheap", "per_generation": 0.15, "currency": None},
    )
    (kept,) = parse_models({"data": [odd, odd, "no row", None]})
    assert (kept["name"], kept["voices"], kept["max_chars"]) == ("speaker-1", ["Ann"], None)
    assert (kept["languages"], kept["price"], kept["currency"]) == ([], {"per_request": 0.15}, "USD")
    for document in ({"data": "none"}, {}, [], "text", None):
        with pytest.raises(errors.NotASpeechServerError):
            parse_models(document)


async def test_documentation_where_the_catalog_is_silent(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """Voices and limits that the catalogue does not name are those of the documentation."""
    for model in simulator.nanogpt.models:
        model["supported_parameters"] = {}
    catalog = await provider.fetch_catalog()
    kokoro = provider.describe_model("Kokoro-82m", catalog, {})
    assert (len(kokoro.voices), kokoro.max_chars) == (52, 10_000)
    languages = {voice.id: voice.languages for voice in kokoro.voices}
    assert languages["af_bella"] == ("en-US",)
    assert languages["bm_george"] == ("en-GB",)
    assert languages["zf_xiaoxiao"] == ("zh-CN",)
    assert {tag for tags in languages.values() for tag in tags} == {
        "en-US", "en-GB", "es-ES", "fr-FR", "hi-IN", "it-IT", "ja-JP", "pt-BR", "zh-CN",
    }  # fmt: skip
    assert {"en", "en-US", "ja", "pt-BR"} <= set(kokoro.languages)
    assert len(provider.describe_model("Elevenlabs-Turbo-V2.5", catalog, {}).voices) == 46
    assert len(provider.describe_model("tts-1", catalog, {}).voices) == 11
    assert [model.id for model in provider.models(None)]
    assert provider.models(None) == provider.models({"models": []})


async def test_catalog_before_documentation(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """What the catalogue says counts: new voices are offered, and those that are gone are not."""
    (kokoro,) = (model for model in simulator.nanogpt.models if model["id"] == "Kokoro-82m")
    kokoro["supported_parameters"] = {"voices": ["xf_new", "af_bella", "af_bella(2)+af_sky"], "max_chars": 512}
    described = provider.describe_model("Kokoro-82m", await provider.fetch_catalog(), {})
    assert [(voice.id, voice.name) for voice in described.voices] == [
        ("af_bella", "Bella"),
        ("af_bella(2)+af_sky", "Af_bella(2)+af_sky"),
        ("xf_new", "Xf_new"),
    ]
    assert described.max_chars == 512


def test_model_that_nobody_knows(provider: NanoGPTProvider) -> None:
    """A model that was typed may take whatever its route has, and gets short texts, in plain formats."""
    model = provider.describe_model("brand-new-tts", {"models": []}, {"endpoint": "speech"})
    assert {"pitch", "emotion", "similarity", "language"} <= {option.key for option in model.options}
    assert (model.max_chars, model.voices, model.price) == (1_000, (), None)
    assert provider.describe_model("brand-new-tts", None, {}).formats == (AudioFormat.MP3, AudioFormat.WAV)


def test_parameters_that_a_row_names_can_be_set(provider: NanoGPTProvider) -> None:
    """A row that names a parameter is believed."""
    catalog = {"models": parse_models({"data": [row(supported_parameters={"instructions": True, "seed": 1})]})}
    keys = [option.key for option in provider.describe_model("speaker-1", catalog, {}).options]
    assert keys == ["speed", "instructions"]


def test_settings_of_all_models_are_known_beforehand(provider: NanoGPTProvider) -> None:
    """Home Assistant is told of every setting that any model takes on any route."""
    for endpoint in provider.choices[0].choices:
        for model in provider.models(None):
            described = provider.describe_model(model.id, None, {"endpoint": endpoint})
            assert {option.key for option in described.options} <= set(provider.option_keys)


async def test_catalog_does_not_change_by_itself(provider: NanoGPTProvider) -> None:
    """What is kept is the same as long as the offer is: no time, no balance."""
    first = await provider.fetch_catalog()
    assert first == await provider.fetch_catalog()
    assert "129" not in str(first)


async def test_balance(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """The balance is a number, whatever the service makes of it."""
    simulator.nanogpt.balance = Decimal("12.50")
    assert await provider.fetch_balance() == Balance(12.5, "USD")
    assert [request.method for request in simulator.requests] == ["POST"]


@pytest.mark.parametrize(
    ("listed", "kept"),
    [
        (["en", "de_at", "PT-br", "zh-Hant"], ["de-AT", "en", "pt-BR", "zh-Hant"]),
        (["English", "*", " ", ""], []),
    ],
)
def test_languages_are_tags(provider: NanoGPTProvider, listed: list[str], kept: list[str]) -> None:
    """What is no tag says nothing; without any the provider's languages count."""
    catalog = {"models": parse_models({"data": [row(supported_parameters={"supported_languages": listed})]})}
    assert catalog["models"][0]["languages"] == kept
    assert ("de" in provider.describe_model("speaker-1", catalog, {}).languages) is bool(kept)


@pytest.mark.parametrize(
    ("listed", "kept"),
    [(4096, 4096), (4096.0, 4096), ("4096", 4096), (True, None), (1, None), (10**30, None), (float("nan"), None)],
)
def test_limits_make_sense(listed: Any, kept: int | None) -> None:
    """A limit that no model can have is none."""
    pricing = {"per_thousand_chars": listed, "per_generation": 10**400, "minimum": float("inf")}
    (found,) = parse_models({"data": [row(supported_parameters={"max_chars": listed}, pricing=pricing)]})
    assert found["max_chars"] == kept
    assert not {"per_request", "minimum"} & found["price"].keys()


def test_order_of_a_list_does_not_matter() -> None:
    """Two servers that list the same in another order offer the same."""
    one, other = (
        parse_models({"data": [row(supported_parameters={"voices": voices, "supported_languages": voices})]})
        for voices in (["aa", "bb"], ["bb", "aa"])
    )
    assert one == other


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_wrong_key(simulator: Simulator, connections: HttpSessions, status: int) -> None:
    """However the balance is refused, it is the key."""
    provider = provider_of(simulator, connections)
    simulator.api_key = "sk-another"
    simulator.nanogpt.bad_key_status = status  # type: ignore[assignment]
    with pytest.raises(errors.InvalidKeyError):
        await provider.fetch_catalog()


@pytest.mark.parametrize("status", [409, 422, 451, 503])
async def test_other_refusals_are_not_the_keys(simulator: Simulator, provider: NanoGPTProvider, status: int) -> None:
    """A good key is not called wrong."""
    simulator.fail(Fault(path="*/check-balance", status=status, json={}))
    with pytest.raises(errors.SpeechError) as caught:
        await provider.fetch_balance()
    assert not isinstance(caught.value, errors.InvalidKeyError)


@pytest.mark.parametrize("document", [{}, {"usd_balance": None}, {"usd_balance": "much"}, [], "text"])
async def test_balance_that_is_none(simulator: Simulator, provider: NanoGPTProvider, document: Any) -> None:
    """A server that answers something else is not NanoGPT."""
    simulator.fail(Fault(path="*/check-balance", json=document))
    with pytest.raises(errors.NotASpeechServerError):
        await provider.fetch_catalog()


@pytest.mark.parametrize("fault", [{"status": 404}, {"body": "<html>"}])
async def test_server_without_a_catalog(simulator: Simulator, provider: NanoGPTProvider, fault: dict[str, Any]) -> None:
    """A server that imitates NanoGPT need not have a list."""
    simulator.fail(Fault(path="*/audio-models", **fault))
    assert await provider.fetch_catalog() == {"models": []}


@pytest.mark.parametrize(
    ("entered", "base_url", "speech_base_url"),
    [
        ({}, "https://nano-gpt.com/api", "https://api.nano-gpt.com"),
        ({"base_url": "nano-gpt.com"}, "https://nano-gpt.com/api", "https://api.nano-gpt.com"),
        ({"base_url": "http://nano-gpt.com/api/v1/"}, "https://nano-gpt.com/api", "https://api.nano-gpt.com"),
        (
            {"base_url": "https://nano-gpt.com/api/v1/audio/speech"},
            "https://nano-gpt.com/api",
            "https://api.nano-gpt.com",
        ),
        ({"base_url": "https://nano-gpt.com/api/v1/speech"}, "https://nano-gpt.com/api", "https://api.nano-gpt.com"),
        ({"base_url": "https://nano-gpt.com/api/tts/status"}, "https://nano-gpt.com/api", "https://api.nano-gpt.com"),
        ({"base_url": "https://nano-gpt.com/api/tts"}, "https://nano-gpt.com/api", "https://api.nano-gpt.com"),
        ({"base_url": "https://ai.bitcoin.com"}, "https://ai.bitcoin.com/api", "https://api.nano-gpt.com"),
        ({"base_url": "cake.nano-gpt.com/api"}, "https://cake.nano-gpt.com/api", "https://api.nano-gpt.com"),
        ({"base_url": "192.168.1.2:8080"}, "http://192.168.1.2:8080/api", "http://192.168.1.2:8080"),
        ({"base_url": "https://proxy.example.com/nano"}, "https://proxy.example.com/nano", "https://proxy.example.com"),
        ({"speech_base_url": "api.nano-gpt.com/v1/speech"}, "https://nano-gpt.com/api", "https://api.nano-gpt.com"),
        (
            {"base_url": "http://a.local/api", "speech_base_url": "http://b.local/x/v1"},
            "http://a.local/api",
            "http://b.local/x",
        ),
    ],
)
def test_addresses(entered: dict[str, str], base_url: str, speech_base_url: str) -> None:
    """Addresses are taken as people copy them; who enters a server of their own gets the key sent there alone."""
    addresses = NanoGPTProvider.resolve_addresses(entered)
    assert addresses == {"base_url": base_url, "speech_base_url": speech_base_url}
    assert NanoGPTProvider.resolve_addresses(addresses) == addresses
    assert NanoGPTProvider.needs_key(base_url) is not any(word in base_url for word in (".local", "192.", "example"))


def test_prices(provider: NanoGPTProvider) -> None:
    """A price is the list's, also one for the time that the sound takes, or else the documentation's."""
    (kept,) = parse_models({"data": [row(id="xai-tts", pricing={"per_minute": 0.02})]})
    listed, documented = ({"models": [{**kept, "price": price}]} for price in (kept["price"], {}))
    assert provider.describe_model("xai-tts", listed, {}).price == Price("USD", per_minute=0.02)
    for catalog in (documented, None):
        assert provider.describe_model("xai-tts", catalog, {}).price == Price("USD", per_thousand_chars=0.0165)

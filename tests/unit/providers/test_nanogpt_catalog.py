"""NanoGPT's models, as described by its catalog and else by its documentation."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from yarl import URL

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.providers import errors
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.models import Balance, Price
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from custom_components.orator.providers.nanogpt.catalog import parse_models
from tests.simulator import Fault, Simulator

from .nanogpt import create_provider


@pytest.fixture
def provider(simulator: Simulator, sessions: HttpSessions) -> NanoGPTProvider:
    """Return a provider."""
    return create_provider(simulator, sessions)


def test_limits() -> None:
    """A list is limited in rows, voices, and the length of IDs and names."""
    voices = [f"v{number}" for number in range(26)] + ["x" * 1_000]
    parameters = {"voices": voices, **{f"p{number}": 1 for number in range(300)}}
    rows = [row(id=f"m{number}", name="n" * 1_000, supported_parameters=parameters) for number in range(2_100)]
    models = parse_models({"data": rows})
    assert len(models) == 2_000
    assert sum(len(model["voices"]) for model in models) == 26 * (50_000 // 26)
    assert {model["name"] == model["id"] for model in models} == {True}
    assert {len(model["takes"]) for model in models} == {200}
    assert not parse_models({"data": [row(id="m" * 1_000)]})


async def test_models(provider: NanoGPTProvider) -> None:
    """Speech models are listed by name with price, limit and voices; other models are left out."""
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
    """Return a row of the list of models."""
    return {
        "id": "speaker-1",
        "name": "Speaker",
        "architecture": {"modality": "text->audio"},
        "capabilities": {"text_to_speech": True},
        "supported_parameters": {},
    } | changed


@pytest.mark.parametrize(
    ("changed", "is_speech_model"),
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
def test_is_speech_model(changed: dict[str, Any], *, is_speech_model: bool) -> None:
    """Only models that synthesize speech from text alone are listed, whatever else their row contains."""
    assert bool(parse_models({"data": [row(**changed)]})) is is_speech_model


def test_malformed_rows() -> None:
    """Malformed values are ignored."""
    odd = row(
        name=None,
        supported_parameters={"voices": ["Ann", 5, None, "", "Ann"], "max_chars": "many", "supported_languages": "en"},
        pricing={"per_thousand_chars": "cheap", "per_generation": 0.15, "currency": None},
    )
    (model,) = parse_models({"data": [odd, odd, "no row", None]})
    assert (model["name"], model["voices"], model["max_chars"]) == ("speaker-1", ["Ann"], None)
    assert (model["languages"], model["price"], model["currency"]) == ([], {"per_request": 0.15}, "USD")
    for document in ({"data": "none"}, {}, [], "text", None):
        with pytest.raises(errors.NotASpeechServerError):
            parse_models(document)


@pytest.mark.parametrize("currency", ["x" * 150, "", "U$D", "sk-secret", ["USD"], 5])
def test_implausible_currency(currency: Any) -> None:
    """A listed price in something that is no currency code is in US dollars."""
    (model,) = parse_models({"data": [row(pricing={"per_generation": 0.15, "currency": currency})]})
    assert model["currency"] == "USD"
    (model,) = parse_models({"data": [row(pricing={"per_generation": 0.15, "currency": "XNO"})]})
    assert model["currency"] == "XNO"


async def test_documented_voices_and_limits(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """Voices and limits that the catalog lacks are those of the documentation."""
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


async def test_catalog_outranks_documentation(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """Voices that only the catalog lists are offered, and those that it no longer lists are not."""
    (kokoro,) = (model for model in simulator.nanogpt.models if model["id"] == "Kokoro-82m")
    kokoro["supported_parameters"] = {"voices": ["xf_new", "af_bella", "af_bella(2)+af_sky"], "max_chars": 512}
    described = provider.describe_model("Kokoro-82m", await provider.fetch_catalog(), {})
    assert [(voice.id, voice.name) for voice in described.voices] == [
        ("af_bella", "Bella"),
        ("af_bella(2)+af_sky", "Af_bella(2)+af_sky"),
        ("xf_new", "Xf_new"),
    ]
    assert described.max_chars == 512


def test_unknown_model(provider: NanoGPTProvider) -> None:
    """An unknown model has all options of its endpoint, a low limit and the basic formats."""
    model = provider.describe_model("brand-new-tts", {"models": []}, {"endpoint": "speech"})
    assert {"pitch", "emotion", "similarity", "language"} <= {option.key for option in model.options}
    assert (model.max_chars, model.voices, model.price) == (1_000, (), None)
    assert provider.describe_model("brand-new-tts", None, {}).formats == (AudioFormat.MP3, AudioFormat.WAV)


def test_supported_parameters(provider: NanoGPTProvider) -> None:
    """An option that the row lists is supported."""
    catalog = {"models": parse_models({"data": [row(supported_parameters={"instructions": True, "seed": 1})]})}
    keys = [option.key for option in provider.describe_model("speaker-1", catalog, {}).options]
    assert keys == ["speed", "instructions"]


def test_option_keys(provider: NanoGPTProvider) -> None:
    """`option_keys` contains the options of all models on all endpoints."""
    for endpoint in provider.choices[0].choices:
        for model in provider.models(None):
            described = provider.describe_model(model.id, None, {"endpoint": endpoint})
            assert {option.key for option in described.options} <= set(provider.option_keys)


async def test_stable_catalog(provider: NanoGPTProvider) -> None:
    """The catalog of an unchanged list is equal: it holds no time and no balance."""
    first = await provider.fetch_catalog()
    assert first == await provider.fetch_catalog()
    assert "129" not in str(first)


async def test_balance(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """The balance is a number, although the response has a string."""
    simulator.nanogpt.balance = Decimal("12.50")
    assert await provider.fetch_balance() == Balance(12.5, "USD")
    assert [request.method for request in simulator.requests] == ["POST"]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (["en", "de_at", "PT-br", "zh-Hant"], ["de-AT", "en", "pt-BR", "zh-Hant"]),
        (["English", "*", " ", ""], []),
    ],
)
def test_languages(provider: NanoGPTProvider, listed: list[str], expected: list[str]) -> None:
    """Strings that are not language tags are ignored; without any, the provider's languages apply."""
    catalog = {"models": parse_models({"data": [row(supported_parameters={"supported_languages": listed})]})}
    assert catalog["models"][0]["languages"] == expected
    assert ("de" in provider.describe_model("speaker-1", catalog, {}).languages) is bool(expected)


@pytest.mark.parametrize(
    ("listed", "expected"),
    [(4096, 4096), (4096.0, 4096), ("4096", 4096), (True, None), (1, None), (10**30, None), (float("nan"), None)],
)
def test_implausible_limits_and_prices(listed: Any, expected: int | None) -> None:
    """Implausible limits and prices are ignored."""
    pricing = {"per_thousand_chars": listed, "per_generation": 10**400, "minimum": float("inf")}
    (model,) = parse_models({"data": [row(supported_parameters={"max_chars": listed}, pricing=pricing)]})
    assert model["max_chars"] == expected
    assert not {"per_request", "minimum"} & model["price"].keys()


def test_order_of_a_list() -> None:
    """The catalog does not depend on the order of lists."""
    one, other = (
        parse_models({"data": [row(supported_parameters={"voices": voices, "supported_languages": voices})]})
        for voices in (["aa", "bb"], ["bb", "aa"])
    )
    assert one == other


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_invalid_key(simulator: Simulator, sessions: HttpSessions, status: int) -> None:
    """Every refusal of the balance request means that the API key is invalid."""
    provider = create_provider(simulator, sessions)
    simulator.api_key = "sk-another"
    simulator.nanogpt.wrong_key_status = status  # type: ignore[assignment]
    with pytest.raises(errors.InvalidKeyError):
        await provider.fetch_catalog()


@pytest.mark.parametrize("status", [409, 422, 451, 503])
async def test_errors_of_the_balance_request(simulator: Simulator, provider: NanoGPTProvider, status: int) -> None:
    """Other errors are not about the API key."""
    simulator.fail(Fault(path="*/check-balance", status=status, json={}))
    with pytest.raises(errors.SpeechError) as caught:
        await provider.fetch_balance()
    assert not isinstance(caught.value, errors.InvalidKeyError)


@pytest.mark.parametrize("document", [{}, {"usd_balance": None}, {"usd_balance": "much"}, [], "text"])
async def test_malformed_balance(simulator: Simulator, provider: NanoGPTProvider, document: Any) -> None:
    """A server with another response is not NanoGPT."""
    simulator.fail(Fault(path="*/check-balance", json=document))
    with pytest.raises(errors.NotASpeechServerError):
        await provider.fetch_catalog()


@pytest.mark.parametrize("fault", [{"status": 404}, {"body": "<html>"}])
async def test_server_without_a_catalog(simulator: Simulator, provider: NanoGPTProvider, fault: dict[str, Any]) -> None:
    """A server that implements the API may lack the list of models."""
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
    """Addresses are accepted as users copy them; a custom server's key is sent to that server only."""
    addresses = NanoGPTProvider.resolve_addresses(entered)
    assert addresses == {"base_url": base_url, "speech_base_url": speech_base_url}
    assert NanoGPTProvider.resolve_addresses(addresses) == addresses
    is_official = NanoGPTProvider.is_official(URL(base_url))
    assert is_official is not any(word in base_url for word in (".local", "192.", "example"))


def test_prices(provider: NanoGPTProvider) -> None:
    """Prices are those of the list, also per minute, or else those of the documentation."""
    (model,) = parse_models({"data": [row(id="xai-tts", pricing={"per_minute": 0.02})]})
    listed, documented = ({"models": [{**model, "price": price}]} for price in (model["price"], {}))
    assert provider.describe_model("xai-tts", listed, {}).price == Price("USD", per_minute=0.02)
    for catalog in (documented, None):
        assert provider.describe_model("xai-tts", catalog, {}).price == Price("USD", per_thousand_chars=0.0165)

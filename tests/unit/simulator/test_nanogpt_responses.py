"""The responses of the simulated NanoGPT API: audio, links and jobs."""

from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from tests.simulator import Fault, ModelResponse, Simulator, Timing

from .nanogpt_client import (
    AUDIO_SPEECH,
    ELEVENLABS,
    ENDPOINTS,
    GEMINI,
    KOKORO,
    NANO,
    SPEECH,
    TTS,
    download,
    find_link,
    poll,
    post_speech,
    speech_body,
)
from .openai_client import MAX_SECONDS, MIN_SECONDS, TEXT, measure_arrivals, measure_duration

MP3 = b"ID3"

# Audio


@pytest.mark.parametrize(
    "case",
    [
        (AUDIO_SPEECH, "tts-1", {}, "audio/mpeg", MP3),
        (AUDIO_SPEECH, "tts-1", {"response_format": "flac"}, "audio/flac", b"fLaC"),
        (AUDIO_SPEECH, "tts-1", {"response_format": "opus"}, "audio/opus", b"OggS"),
        (AUDIO_SPEECH, GEMINI, {"response_format": "mp3"}, "audio/wav", b"RIFF"),
        (SPEECH, NANO, {}, "audio/mpeg", MP3),
        (SPEECH, NANO, {"format": "wav", "sample_rate": 16000}, "audio/wav", b"RIFF"),
        (SPEECH, NANO, {"format": "ogg"}, "audio/ogg", b"OggS"),
        (SPEECH, NANO, {"format": "aac"}, "audio/aac", b"\xff"),
        (TTS, "tts-1", {}, "audio/mp3", MP3),
        (TTS, "tts-1-hd", {"response_format": "wav"}, "audio/wav", b"RIFF"),
        (TTS, GEMINI, {}, "audio/wav", b"RIFF"),
        (TTS, "xai-tts", {}, "audio/mp3", MP3),
    ],
)
async def test_audio(client: aiohttp.ClientSession, case: tuple[str, str, dict[str, Any], str, bytes]) -> None:
    """Audio has the requested container, or the model's default."""
    endpoint, model, changes, content_type, start = case
    async with client.post(endpoint, json=speech_body(endpoint, model, **changes)) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == content_type
        audio = await response.read()
    assert audio.startswith(start)
    assert MIN_SECONDS < measure_duration(audio) < MAX_SECONDS


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
async def test_raw_samples(client: aiohttp.ClientSession, rate: int) -> None:
    """Raw samples have the requested rate."""
    async with client.post(SPEECH, json=speech_body(SPEECH, NANO, format="pcm16", sample_rate=rate)) as response:
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert MIN_SECONDS < len(await response.read()) / 2 / rate < MAX_SECONDS


@pytest.mark.parametrize(
    ("accept", "audio_format", "content_type"),
    [
        ("audio/ogg", ..., "audio/ogg"),
        ("text/html, audio/WAV;q=0.5", ..., "audio/wav"),
        ("*/*", ..., "audio/mpeg"),
        ("audio/ogg", "flac", "audio/flac"),
    ],
)
async def test_accept(
    client: aiohttp.ClientSession, simulator: Simulator, accept: str, audio_format: Any, content_type: str
) -> None:
    """The Accept header selects the format unless the body does."""
    body = speech_body(SPEECH, NANO, format=audio_format)
    async with client.post(SPEECH, json=body, headers={"Accept": accept}) as response:
        assert response.headers["Content-Type"] == content_type
    assert simulator.requests[-1].headers["Accept"] == accept


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("content_type", ["audio/mp3", "application/octet-stream", "", None])
async def test_content_type(
    client: aiohttp.ClientSession, simulator: Simulator, endpoint: str, content_type: str | None
) -> None:
    """Audio can be declared as any type, or as none."""
    simulator.nanogpt.responses["tts-1"] = ModelResponse(content_type=content_type)
    async with client.post(endpoint, json=speech_body(endpoint)) as response:
        assert response.headers.get("Content-Type") == content_type
        assert MIN_SECONDS < measure_duration(await response.read()) < MAX_SECONDS


async def test_timing_and_faults(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Timing and faults work as with every provider."""
    simulator.timing = Timing(first_byte=0.2)
    simulator.fail(Fault(path=SPEECH, truncate_after=1000, announces_length=True))
    async with client.post(SPEECH, json=speech_body(SPEECH, NANO)) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert simulator.requests[-1].sent == 1000
    simulator.timing = Timing(rate=8.0)
    async with client.post(AUDIO_SPEECH, json=speech_body(AUDIO_SPEECH)) as response:
        assert len([data async for data in response.content.iter_any()]) > 5
    assert await measure_arrivals(client)  # OpenAI is not affected


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_remaining_balance(client: aiohttp.ClientSession, simulator: Simulator, endpoint: str) -> None:
    """Requests are charged, and an optional header contains the remaining balance."""
    simulator.nanogpt.balance = Decimal(1)
    for count, model in enumerate(("tts-1", KOKORO, ELEVENLABS), 1):
        async with client.post(endpoint, json=speech_body(endpoint, model)) as response:
            assert response.headers["x-remaining-balance"] == str(simulator.nanogpt.balance)
        assert simulator.nanogpt.charged == count
    assert 0 < simulator.nanogpt.balance < 1
    simulator.nanogpt.shows_balance = False
    async with client.post(endpoint, json=speech_body(endpoint)) as response:
        assert "x-remaining-balance" not in response.headers


# Links


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("key", ["audioUrl", "url", "data.audioUrl", "data.url"])
async def test_link(client: aiohttp.ClientSession, simulator: Simulator, endpoint: str, key: str) -> None:
    """A link leads to a file, whatever its key."""
    simulator.nanogpt.responses[KOKORO] = ModelResponse(kind="link", link_key=key)
    body = await post_speech(client, endpoint, KOKORO)
    url = find_link(body, key)
    assert url.startswith(simulator.files_url)
    audio = await download(url)
    assert audio.startswith(b"RIFF")
    assert MIN_SECONDS < measure_duration(audio) < MAX_SECONDS
    assert {"model": KOKORO, "text": TEXT, "voice": "af_bella", "currency": "USD"}.items() <= body.items()
    assert (body["contentType"], body["speed"], body["cost"]) == ("audio/wav", 1, 0.000045)
    assert body["duration"] == pytest.approx(measure_duration(audio), abs=0.1)


async def test_format_of_linked_file(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """`/v1/speech` converts linked files too."""
    body = await post_speech(client, SPEECH, KOKORO, format="mp3")
    assert body["contentType"] == "audio/mpeg"
    assert ".mp3" in body["audioUrl"]
    assert MIN_SECONDS < measure_duration(await download(body["audioUrl"])) < MAX_SECONDS


# Jobs


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (ModelResponse(kind="ticket"), 202),
        (ModelResponse(kind="ticket", link_key="data.url", done="succeeded"), 202),
        (ModelResponse(kind="ticket_200"), 200),
        (ModelResponse(kind="ticket_200", link_key="url"), 200),
    ],
)
async def test_job(
    client: aiohttp.ClientSession, simulator: Simulator, endpoint: str, answer: ModelResponse, status: int
) -> None:
    """A job is charged once, is pending for some polls, and then has a link to a file."""
    simulator.nanogpt.polls_until_done = 3
    simulator.nanogpt.responses[ELEVENLABS] = answer
    async with client.post(endpoint, json=speech_body(endpoint, ELEVENLABS)) as response:
        assert response.status == status
        ticket = await response.json()
    assert ticket == {
        "status": "pending",
        "runId": simulator.nanogpt.jobs[0].run_id,
        "model": ELEVENLABS,
        "charged": True,
        "cost": 0.0027,
        "paymentSource": "USD",
        "isApiRequest": True,
    }
    for position in (2, 1):
        pending = {"status": "pending", "runId": ticket["runId"], "queuePosition": position}
        assert await poll(client, ticket) == (200, pending)
    _, completed = await poll(client, ticket)
    assert (completed["status"], completed["contentType"], completed["model"]) == (
        answer.done,
        "audio/mpeg",
        ELEVENLABS,
    )
    assert MIN_SECONDS < measure_duration(await download(find_link(completed, answer.link_key))) < MAX_SECONDS
    assert (await poll(client, ticket))[1] == completed
    (job,) = simulator.nanogpt.jobs
    assert (job.text, job.model, len(job.polls), job.polls[0]["cost"]) == (TEXT, ELEVENLABS, 4, "0.0027")
    assert simulator.nanogpt.charged == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"runId": ...}, 400),
        ({"model": ...}, 400),
        ({"model": ""}, 400),
        ({"isApiRequest": "True"}, 400),
        ({"page": "1"}, 400),
        ({"runId": "unknown"}, 404),
        ({"model": KOKORO}, 404),
        ({"cost": ..., "paymentSource": ..., "isApiRequest": ...}, 200),
    ],
)
async def test_status_query(client: aiohttp.ClientSession, changes: dict[str, Any], status: int) -> None:
    """A status request requires the job's id and model, and accepts no unknown fields."""
    ticket = await post_speech(client, TTS, ELEVENLABS)
    actual_status, body = await poll(client, ticket, **changes)
    assert actual_status == status
    if status != 200:
        assert body == {"error": body["error"], "status": status}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("error", {"status": "error", "error": "TTS generation failed. Please try again."}),
        (
            "violation",
            {
                "status": "error",
                "code": "CONTENT_POLICY_VIOLATION",
                "error": "Content rejected by provider due to content policy.",
            },
        ),
    ],
)
async def test_failed_job(
    client: aiohttp.ClientSession, simulator: Simulator, outcome: str, expected: dict[str, Any]
) -> None:
    """A failed job is refunded once, if a poll passes back the ticket's fields."""
    simulator.nanogpt.outcomes = {"forbidden": outcome}
    before = simulator.nanogpt.balance
    ticket = await post_speech(client, TTS, ELEVENLABS, text="Something forbidden.")
    await post_speech(client, TTS, ELEVENLABS)
    assert (await poll(client, ticket))[1]["status"] == "pending"
    assert await poll(client, ticket, cost=...) == (200, expected)
    assert simulator.nanogpt.refunded == 0
    for _ in range(2):
        assert await poll(client, ticket) == (200, expected)
    assert (simulator.nanogpt.charged, simulator.nanogpt.refunded) == (2, 1)
    assert before - simulator.nanogpt.balance == Decimal("0.0027")
    assert [job.is_refunded for job in simulator.nanogpt.jobs] == [True, False]


async def test_endless_job(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A job can stay pending forever."""
    simulator.nanogpt.outcomes = {"": "endless"}
    ticket = await post_speech(client, TTS, ELEVENLABS)
    assert {(await poll(client, ticket))[1]["status"] for _ in range(5)} == {"pending"}


async def test_failed_poll(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A poll that a fault replaces is not counted."""
    ticket = await post_speech(client, TTS, ELEVENLABS)
    simulator.fail(Fault(path="*/tts/status", status=503, json={"error": "Busy", "status": 503}))
    assert (await poll(client, ticket))[0] == 503
    assert simulator.nanogpt.jobs[0].polls == []


@pytest.mark.parametrize(("outcome", "status"), [("violation", 400), ("error", 500)])
@pytest.mark.parametrize("model", ["tts-1", KOKORO])
async def test_immediate_failure(
    client: aiohttp.ClientSession, simulator: Simulator, model: str, outcome: str, status: int
) -> None:
    """Models without jobs refuse immediately, without a charge."""
    simulator.nanogpt.outcomes = {"fox": outcome}
    async with client.post(AUDIO_SPEECH, json=speech_body(AUDIO_SPEECH, model)) as response:
        assert response.status == status
        error = (await response.json())["error"]
    assert error.get("code") == ("content_policy_violation" if outcome == "violation" else None)
    assert simulator.nanogpt.charged == 0

"""Verification of audio files."""

from pathlib import Path

from yarl import URL

from tests.support.audio_checks import RATE, DecodedFile, decode_file
from tests.support.word_decoder import assert_spoken

from .context import Context


async def assert_spoken_in_file(file: Path, text: str) -> DecodedFile:
    """Assert that a file contains exactly a text, and return it decoded."""
    audio = await decode_file(file)
    assert audio.samples.size, f"{file.name} is empty: {audio.errors}"
    assert not audio.errors, f"{file.name}: {audio.errors}"
    assert_spoken(audio.samples, RATE, text)
    return audio


async def download(context: Context, url: str) -> Path:
    """Download a URL of Home Assistant to a file, without login as a player does."""
    address = URL(url)
    file = context.folder / address.name
    file.write_bytes(b"".join([chunk async for chunk in context.api.download(address.path_qs)]))
    return file

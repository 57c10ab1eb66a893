"""Find out whether a file is a text, spoken from its first word to its last and nothing else."""

from pathlib import Path
from typing import Final

from yarl import URL

from tests.demo.sound import Sound, decode
from tests.support.word_decoder import assert_spoken

from .stage import Stage

_RATE: Final = 16_000  # Hz to which `decode` brings everything


async def assert_heard(file: Path, text: str) -> Sound:
    """Fail unless a file is a text; return what it sounds like."""
    sound = await decode(file)
    assert sound.samples.size, f"{file.name} is silent: {sound.complaints}"
    assert not sound.complaints, f"{file.name}: {sound.complaints}"
    assert_spoken(sound.samples, _RATE, text)
    return sound


async def fetched(stage: Stage, url: str) -> Path:
    """Return a file with what is at an address of Home Assistant's, as a player gets it."""
    address = URL(url)
    file = stage.folder / address.name
    file.write_bytes(b"".join([chunk async for chunk in stage.api.download(address.path_qs)]))
    return file

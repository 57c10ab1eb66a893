"""Tests that docs/import.md names each field of the actions that users replace, and only counterparts that exist."""

import re

from homeassistant.util.yaml import load_yaml_dict
import pytest

from custom_components.orator.providers import PROVIDERS
from custom_components.orator.voice_settings import supported_options
from tests.support.repository import ROOT

PAGE = (ROOT / "docs/import.md").read_text()
OPENAI_TTS_SAY = (
    *("tts_entity", "message", "voice", "speed", "instructions", "extra_payload", "language", "chime", "chime_sound"),
    *("normalize_audio", "volume", "announce", "pause_playback"),
)
"""Fields of version 3.10, and those that only earlier versions have."""
CHIME_TTS_SAY = (
    *("chime_path", "end_chime_path", "offset", "crossfade", "final_delay", "message", "tts_platform", "tts_speed"),
    *("tts_pitch", "volume_level", "join_players", "unjoin_players", "cache", "announce", "fade_audio"),
    *("audio_conversion", "language", "tld", "voice", "options", "pre_script", "post_script"),
)
"""Fields of version 1.3."""
OTHER_NAMES = {
    *("media_player.join", "media_player.unjoin", "delay", "orator.announce", "www", "options"),
    *("result", "error", "tld", "three_tone", "true", "false", "125", "1.25", "none"),
}
"""What the tables name besides fields and options of Orator: other actions, results, values."""


def read_rows(action: str) -> list[tuple[str, str]]:
    """Return the rows of the table whose head names an action and `orator.announce`."""
    table = PAGE.split(f"| `{action}` | `orator.announce` |\n")[1].split("\n\n")[0]
    rows = [re.split(r" \| ", line.strip("| ")) for line in table.splitlines()[1:]]
    assert all(len(row) == 2 for row in rows)
    return [(old, new) for old, new in rows]


def find_names(text: str) -> set[str]:
    """Return the names in code of a text; of a setting such as `chime: none`, its name."""
    return {code.partition(":")[0] for code in re.findall(r"`([^`]+)`", text)}


@pytest.mark.parametrize(("action", "fields"), [("openai_tts.say", OPENAI_TTS_SAY), ("chime_tts.say", CHIME_TTS_SAY)])
def test_each_field_has_a_row(action: str, fields: tuple[str, ...]) -> None:
    """Each field is in the first column."""
    named = set[str]().union(*(find_names(old) for old, _ in read_rows(action)))
    assert not set(fields) - named


@pytest.mark.parametrize("action", ["openai_tts.say", "chime_tts.say"])
def test_counterparts_exist(action: str) -> None:
    """Each name in the second column is a field of `orator.announce`, or an option of a voice."""
    services = load_yaml_dict(str(ROOT / "custom_components/orator/services.yaml"))
    fields = services["announce"]["fields"]
    known = {*fields, *(name for field in fields.values() for name in field.get("fields", ()))}
    options = {name for provider in PROVIDERS.values() for name in supported_options(provider)}  # type: ignore[arg-type]
    for _, new in read_rows(action):
        names = {name for name in find_names(new) if not name.endswith(".mp3")}
        in_options = re.findall(r"`([a-z_]+)(?:: [^`]*)?` in `options`", new)
        assert names <= known | options | OTHER_NAMES, new
        assert set(in_options) <= options | {"tld"}, new

"""What voices are called, and what they speak, by their IDs alone."""

import pytest

from custom_components.orator.providers.languages import expand_tags
from custom_components.orator.providers.models import Voice, describe_voice_by_id


@pytest.mark.parametrize(
    ("voice_id", "name", "languages"),
    [
        ("af_heart", "Heart", ("en-US",)),
        ("zm_yunxi", "Yunxi", ("zh-CN",)),
        ("af_bella(2)+af_sky", "Af_bella(2)+af_sky", ()),
        ("xf_somebody", "Xf_somebody", ()),
        ("en-US-JennyNeural", "Jenny", ("en-US",)),
        ("fr-FR-VivienneMultilingualNeural", "Vivienne", ("fr-FR",)),
        ("zh-CN-liaoning-XiaobeiNeural", "Xiaobei", ("zh-CN-liaoning",)),
        ("alloy", "Alloy", ()),
        ("유나", "유나", ()),
        ("", "", ()),
    ],
)
def test_voice(voice_id: str, name: str, languages: tuple[str, ...]) -> None:
    """Kokoro's and Microsoft's IDs tell the language; others are just names."""
    assert describe_voice_by_id(voice_id) == Voice(voice_id, name, languages)


def test_languages_under_all_their_tags() -> None:
    """A language is found by its bare tag and by those of its regions, a region only by its own."""
    assert {"en", "en-GB", "en-US"} <= set(expand_tags(["en"]))
    assert expand_tags(["de-AT"]) == ("de", "de-AT")
    assert expand_tags([]) == ()

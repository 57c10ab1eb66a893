"""Names and languages of voices, derived from their ids."""

import pytest

from custom_components.orator.providers.languages import expand_tags
from custom_components.orator.providers.models import Voice
from custom_components.orator.providers.vendor_models import describe_unknown_voice


@pytest.mark.parametrize(
    ("voice_id", "name", "languages"),
    [
        ("af_heart", "Heart", ("en-US",)),
        ("zm_yunxi", "Yunxi", ("zh-CN",)),
        ("af_bella(2)+af_sky", "Af_bella(2)+af_sky", ()),
        ("xf_unknown", "Xf_unknown", ()),
        ("en-US-JennyNeural", "Jenny", ("en-US",)),
        ("fr-FR-VivienneMultilingualNeural", "Vivienne", ("fr-FR",)),
        ("zh-CN-liaoning-XiaobeiNeural", "Xiaobei", ("zh-CN-liaoning",)),
        ("alloy", "Alloy", ()),
        ("유나", "유나", ()),
        ("", "", ()),
    ],
)
def test_describe_voice(voice_id: str, name: str, languages: tuple[str, ...]) -> None:
    """Voices of Kokoro and Microsoft have the language in their id; other ids are used as names."""
    assert describe_unknown_voice(voice_id) == Voice(voice_id, name, languages)


def test_expand_tags() -> None:
    """A language includes its regions; a region includes only its language."""
    assert {"en", "en-GB", "en-US"} <= set(expand_tags(["en"]))
    assert expand_tags(["de-AT"]) == ("de", "de-AT")
    assert expand_tags([]) == ()

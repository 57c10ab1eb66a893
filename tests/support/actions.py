"""How tests call Orator's actions, and what they need beside it."""

from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

VOICE = {"entity_id": "tts.ann"}


async def act(hass: HomeAssistant, name: str, **data: Any) -> dict[str, Any]:
    """Call an action for a voice, and return what it answers."""
    response = await hass.services.async_call("orator", name, data, target=VOICE, blocking=True, return_response=True)
    answer = response["tts.ann"] if response else None
    assert isinstance(answer, dict)
    return answer


async def refused(hass: HomeAssistant, name: str, error: type[HomeAssistantError], **data: Any) -> str | None:
    """Call an action that is refused, and return why."""
    with pytest.raises(error) as caught:
        await act(hass, name, **data)
    assert "{" not in str(caught.value)
    assert str(caught.value) != caught.value.translation_key
    return caught.value.translation_key


def use_media_folder(hass: HomeAssistant, path: Path) -> Path:
    """Give Home Assistant a media folder."""
    folder = path / "media"
    folder.mkdir()
    hass.config.media_dirs = {"local": str(folder)}
    return folder

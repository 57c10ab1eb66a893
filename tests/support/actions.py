"""Helpers of the tests of actions."""

from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

TARGET = {"entity_id": "tts.ann"}


async def call_action(hass: HomeAssistant, name: str, **data: Any) -> dict[str, Any]:
    """Call an action of the voice `tts.ann`, and return its response."""
    response = await hass.services.async_call("orator", name, data, target=TARGET, blocking=True, return_response=True)
    result = response["tts.ann"] if response else None
    assert isinstance(result, dict)
    return result


async def call_failing_action(
    hass: HomeAssistant, name: str, error: type[HomeAssistantError], **data: Any
) -> str | None:
    """Call an action that raises an error, and return its translation key."""
    with pytest.raises(error) as caught:
        await call_action(hass, name, **data)
    assert "{" not in str(caught.value)
    assert str(caught.value) != caught.value.translation_key
    return caught.value.translation_key


def create_media_folder(hass: HomeAssistant, path: Path) -> Path:
    """Create a media folder."""
    folder = path / "media"
    folder.mkdir()
    hass.config.media_dirs = {"local": str(folder)}
    return folder

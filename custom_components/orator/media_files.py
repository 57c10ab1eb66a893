"""Sound stored as a file in Home Assistant's media folder, where the media browser finds it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import mimetypes
from pathlib import Path
import re
import secrets
from typing import Final

from homeassistant.components.media_source import generate_media_source_id
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

_MEDIA_SOURCE: Final = "media_source"
_USUAL_FOLDER: Final = "local"
_NAME: Final = re.compile(r"\w[\w .,'()+-]{0,99}(?<![ .])")
"""A name that every system takes for the name of a file and nothing else."""
_MAX_PARTS: Final = 8
_RESERVED: Final[HassKey[set[Path]]] = HassKey("orator_reserved_files")


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file in a media folder, there already or not."""

    folder: str
    """The media folder's name in Home Assistant."""
    root: Path
    name: str
    """Its path within the folder, with `/` on every system."""
    may_replace: bool

    @property
    def media_id(self) -> str:
        """What media players know it by."""
        return generate_media_source_id(_MEDIA_SOURCE, f"{self.folder}/{self.name}")

    @property
    def url(self) -> str:
        """Where Home Assistant serves it to whoever is logged in."""
        return f"/media/{self.folder}/{self.name}"

    @property
    def path(self) -> Path:
        """Where it is on disk."""
        return self.root / self.name

    @property
    def is_in_use(self) -> ServiceValidationError:
        """What tells that somebody else is about to write it."""
        return _refusal("file_in_use", self.name)

    def check(self) -> None:
        """Refuse a file that leads out of its folder or must not be replaced. Raises ServiceValidationError."""
        if not self.path.resolve().is_relative_to(self.root.resolve()):
            raise _refusal("unsafe_file_name", self.name)
        if self.path.exists() and not (self.may_replace and self.path.is_file()):
            raise _refusal("file_exists", self.name)

    def write(self, sound: bytes) -> None:
        """Write the file whole, or not at all. Raises HomeAssistantError."""
        self.check()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.may_replace:
                self._replace(sound)
            else:
                self._create(sound)
        except OSError as err:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="file_not_written",
                translation_placeholders={"file": self.name, "detail": err.strerror or type(err).__name__},
            ) from err

    def _create(self, sound: bytes) -> None:
        try:
            with self.path.open("xb") as file:
                file.write(sound)
        except FileExistsError as err:  # somebody was quicker
            raise _refusal("file_exists", self.name) from err

    def _replace(self, sound: bytes) -> None:
        """Let whoever plays the file meanwhile hear the old one to its end."""
        beside = self.path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            beside.write_bytes(sound)
            beside.replace(self.path)
        finally:
            beside.unlink(missing_ok=True)


@asynccontextmanager
async def reserve_file(hass: HomeAssistant, file: MediaFile) -> AsyncGenerator[None]:
    """Keep other calls from writing a file within the context. Raises ServiceValidationError."""
    files = hass.data.setdefault(_RESERVED, set())
    if file.path in files:
        raise file.is_in_use
    files.add(file.path)
    try:
        await hass.async_add_executor_job(file.check)
        yield
    finally:
        files.remove(file.path)


@callback
def resolve_media_file(hass: HomeAssistant, name: str, extension: str, *, may_replace: bool) -> MediaFile:
    """Return the file for a name without or with the extension. Raises ServiceValidationError."""
    folders = hass.config.media_dirs
    if not folders:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_media_folder")
    parts = name.strip().split("/")
    if len(parts) > _MAX_PARTS or not all(map(_NAME.fullmatch, parts)):
        raise _refusal("unsafe_file_name", name)
    if mimetypes.guess_type(parts[-1])[0] is None:
        parts[-1] += f".{extension}"
    elif not parts[-1].lower().endswith(f".{extension}"):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="wrong_extension",
            translation_placeholders={"file": name, "extension": extension},
        )
    folder = _USUAL_FOLDER if _USUAL_FOLDER in folders else next(iter(folders))
    return MediaFile(folder, Path(folders[folder]), "/".join(parts), may_replace)


def _refusal(key: str, name: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders={"file": name}
    )

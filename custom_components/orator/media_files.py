"""Audio files in Home Assistant's media folder."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import mimetypes
from pathlib import Path
import re
import secrets
from typing import Final

from homeassistant.components.media_source import DOMAIN as MEDIA_SOURCE_DOMAIN, generate_media_source_id
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

_DEFAULT_MEDIA_DIR: Final = "local"
_SAFE_PATH_PART: Final = re.compile(r"\w[\w .,'()+-]{0,99}(?<![ .])")
"""Names that are valid and have no special meaning on any operating system."""
_MAX_PATH_PARTS: Final = 8
_MAX_PART_BYTES: Final = 255
"""Maximum length of a name in most file systems."""
_RESERVED_PATHS: Final[HassKey[set[Path]]] = HassKey("orator_reserved_files")


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file in a media folder, whether or not it exists."""

    folder: str
    """Name of the media folder in Home Assistant's configuration."""
    root: Path
    """Path of the media folder."""
    name: str
    """Path within the media folder, separated by `/` on every operating system."""
    may_replace: bool

    @property
    def media_id(self) -> str:
        """The media source ID."""
        return generate_media_source_id(MEDIA_SOURCE_DOMAIN, f"{self.folder}/{self.name}")

    @property
    def url(self) -> str:
        """The path of the URL at which Home Assistant serves the file."""
        return f"/media/{self.folder}/{self.name}"

    @property
    def path(self) -> Path:
        """The path on disk."""
        return self.root / self.name

    @property
    def in_use_error(self) -> ServiceValidationError:
        """The error for a file that another call is about to write."""
        return _file_error("file_in_use", self.name)

    def check(self) -> None:
        """Check that the file is within its folder and may be written. Blocks. Raises ServiceValidationError."""
        if not self.path.resolve().is_relative_to(self.root.resolve()):
            raise _file_error("unsafe_file_name", self.name)
        if self.path.exists() and not (self.may_replace and self.path.is_file()):
            raise _file_error("file_exists", self.name)

    def write(self, audio: bytes) -> None:
        """Write the file. Blocks. Raises HomeAssistantError."""
        self.check()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.may_replace:
                self._replace(audio)
            else:
                self._create(audio)
        except OSError as err:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="file_not_written",
                translation_placeholders={"file": self.name, "detail": err.strerror or type(err).__name__},
            ) from err

    def _create(self, audio: bytes) -> None:
        try:
            file = self.path.open("xb")
        except FileExistsError as err:  # created since the check
            raise _file_error("file_exists", self.name) from err
        try:
            with file:
                file.write(audio)
        except OSError:  # for example because the disk is full
            self.path.unlink(missing_ok=True)
            raise

    def _replace(self, audio: bytes) -> None:
        """Replace the file atomically, so that a player that has opened it plays the old audio to the end."""
        temporary = self.path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            temporary.write_bytes(audio)
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)


@asynccontextmanager
async def reserve_file(hass: HomeAssistant, file: MediaFile) -> AsyncGenerator[None]:
    """Prevent other calls from writing a file within the context. Raises ServiceValidationError."""
    reserved = hass.data.setdefault(_RESERVED_PATHS, set())
    if file.path in reserved:
        raise file.in_use_error
    reserved.add(file.path)
    try:
        await hass.async_add_executor_job(file.check)
        yield
    finally:
        reserved.remove(file.path)


@callback
def resolve_media_file(hass: HomeAssistant, name: str, extension: str, *, may_replace: bool) -> MediaFile:
    """Return the file for a name, which may lack its extension. Raises ServiceValidationError."""
    media_dirs = hass.config.media_dirs
    if not media_dirs:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_media_folder")
    parts = name.strip().split("/")
    if len(parts) > _MAX_PATH_PARTS or not all(map(_SAFE_PATH_PART.fullmatch, parts)):
        raise _file_error("unsafe_file_name", name)
    if mimetypes.guess_type(parts[-1])[0] is None:
        parts[-1] += f".{extension}"
    elif not parts[-1].lower().endswith(f".{extension}"):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="wrong_extension",
            translation_placeholders={"file": name, "extension": extension},
        )
    if any(len(part.encode()) > _MAX_PART_BYTES for part in parts):
        raise _file_error("unsafe_file_name", name)
    folder = _DEFAULT_MEDIA_DIR if _DEFAULT_MEDIA_DIR in media_dirs else next(iter(media_dirs))
    return MediaFile(folder, Path(media_dirs[folder]), "/".join(parts), may_replace)


def _file_error(key: str, name: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders={"file": name}
    )

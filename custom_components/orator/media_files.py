"""Audio files in Home Assistant's media folder."""

from collections.abc import AsyncGenerator, Set as AbstractSet
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
import mimetypes
from pathlib import Path
import re
import secrets
from typing import Any, Final

from homeassistant.components.media_source import DOMAIN as MEDIA_SOURCE_DOMAIN, generate_media_source_id
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.singleton import singleton
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

_DEFAULT_MEDIA_DIR: Final = "local"
_SAFE_PATH_PART: Final = re.compile(r"\w[\w .,'()+-]{0,99}(?<![ .])")
"""Names that are valid and have no special meaning on any operating system."""
_MAX_PATH_PARTS: Final = 8
_MAX_PART_BYTES: Final = 255
"""Maximum length of a name in most file systems."""
_RESERVED_PATHS: Final[HassKey[set[Path]]] = HassKey("orator_reserved_files")
_STORED_FILES: Final[HassKey[StoredFiles]] = HassKey("orator_stored_files")
_STORED_FILES_STORAGE_VERSION: Final = 1
_STORED_FILES_SAVE_DELAY_S: Final = 1.0
_MAX_STORED_FILES: Final = 1_000
_MAX_STORED_GIB: Final = 2
"""Limits for the files that Orator has stored: any user may store files."""


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


class StoredFiles:
    """The files that Orator has stored in media folders."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize without files; `async_load` restores their paths."""
        self._hass = hass
        self._store = Store[list[Any]](hass, _STORED_FILES_STORAGE_VERSION, f"{DOMAIN}.stored_files")
        self._paths: set[Path] = set()

    async def async_load(self) -> None:
        """Restore the stored paths."""
        stored = await self._store.async_load()
        if isinstance(stored, list):
            self._paths = {Path(path) for path in stored if isinstance(path, str)}

    async def async_check_limits(self, path: Path, reserved: AbstractSet[Path]) -> None:
        """Check that one more file may be stored, counting those that other calls are about to write.

        Raises ServiceValidationError.
        """
        candidates = (self._paths | reserved) - {path}
        sizes = await self._hass.async_add_executor_job(_measure_files, candidates)
        self._paths -= candidates - sizes.keys()
        count = len(sizes.keys() | (reserved - {path}))
        if count >= _MAX_STORED_FILES or sum(sizes.values()) >= _MAX_STORED_GIB * 1024**3:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="too_many_files",
                translation_placeholders={"files": str(_MAX_STORED_FILES), "size": f"{_MAX_STORED_GIB} GiB"},
            )

    async def async_write(self, file: MediaFile, audio: bytes) -> None:
        """Write a file. Raises HomeAssistantError."""
        await self._hass.async_add_executor_job(file.write, audio)
        self._paths.add(file.path)
        self._store.async_delay_save(lambda: sorted(map(str, self._paths)), _STORED_FILES_SAVE_DELAY_S)

    async def async_remove(self) -> None:
        """Remove the stored paths, but not the files."""
        self._paths = set()
        await self._store.async_remove()


def _measure_files(paths: AbstractSet[Path]) -> dict[Path, int]:
    """Return the sizes in bytes of the files that exist. Blocks."""
    sizes: dict[Path, int] = {}
    for path in paths:
        with suppress(OSError):
            sizes[path] = path.stat().st_size
    return sizes


@singleton(_STORED_FILES, async_=True)
async def async_get_stored_files(hass: HomeAssistant) -> StoredFiles:
    """Return the stored files, which all accounts share."""
    files = StoredFiles(hass)
    await files.async_load()
    return files


@asynccontextmanager
async def reserve_file(hass: HomeAssistant, file: MediaFile) -> AsyncGenerator[None]:
    """Prevent other calls from writing a file within the context. Raises ServiceValidationError."""
    reserved = hass.data.setdefault(_RESERVED_PATHS, set())
    if file.path in reserved:
        raise file.in_use_error
    reserved.add(file.path)
    try:
        await hass.async_add_executor_job(file.check)
        await (await async_get_stored_files(hass)).async_check_limits(file.path, reserved)
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

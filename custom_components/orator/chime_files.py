"""Audio files of chimes: find them and detect changes.

Home Assistant caches speech together with its chimes. The revisions of a voice's chime files are part of the cache key,
so that the cache is not used once a file has changed.
"""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.storage import Store

from .const import DOMAIN

_MAX_CHIME_FILES: Final = 256
_MAX_STAT_JOBS: Final = 8
"""Maximum number of jobs: on a share that hangs, each blocks one of Home Assistant's executor threads."""
_STAT_TIMEOUT_S: Final = 1.0
"""Timeout for reading a file's status while a listener waits."""
_CHECK_INTERVAL: Final = timedelta(seconds=30)
_CHIMES_SAVE_DELAY_S: Final = 1.0
_CHIMES_STORAGE_VERSION: Final = 1

type _Stamp = list[int]
"""Modification time of a file in nanoseconds, and its size in bytes."""


class ChimeError(Exception):
    """Error of a chime that does not exist or cannot be played."""

    def __init__(self, key: str) -> None:
        """Initialize the error with a translation key."""
        super().__init__(key)
        self.translation_key = key

    @property
    def is_temporary(self) -> bool:
        """Whether the chime may be there later, for example because a share is not mounted."""
        return self.translation_key == "chime_missing"


@dataclass(frozen=True, slots=True)
class ChimeFile:
    """The file of a chime as of the last check."""

    path: str
    """Path that the name of the chime stands for."""
    file: str
    """Real path, without symbolic links."""
    stamp: _Stamp
    revision: int = 0
    """Number of the file's last change, counted over all files; 0 if the file is unchanged."""
    callers: dict[str, int] = field(default_factory=dict)
    """Revision at the first call that named the chime, by the subentry ID of the voice."""

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the file from stored data. Damaged data raises AttributeError, KeyError, TypeError or ValueError."""
        callers = {str(subentry_id): int(revision) for subentry_id, revision in data["callers"].items()}
        stamp = [int(number) for number in data["stamp"]]
        return cls(str(data["path"]), str(data["file"]), stamp, int(data["revision"]), callers)


class ChimeFiles:
    """Tracker of chime files by the names of the chimes."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the tracker; `async_load` has to be called before any other method."""
        self._hass = hass
        self._store = Store[dict[str, Any]](hass, _CHIMES_STORAGE_VERSION, f"{DOMAIN}.chimes")
        self._files: dict[str, ChimeFile] = {}
        """Files by name, the most recently used last."""
        self._revision = 0
        """Number of all changes so far."""
        self._first_revision = 0
        """Revision of new files. A dropped file may come back changed, so dropping a file increases this revision."""
        self._stat_jobs: dict[Path, tuple[asyncio.Future[tuple[Path, _Stamp]], float]] = {}
        """Running executor jobs, each with the time at which its callers give up."""
        self._voices: dict[str, Collection[str]] = {}
        """Configured chimes of the loaded voices, by subentry ID."""
        self._stop_checking: CALLBACK_TYPE | None = None
        self._check: asyncio.Task[None] | None = None

    async def async_load(self) -> None:
        """Load the stored files; damaged data is ignored."""
        stored = await self._store.async_load() or {}
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            files = {str(name): ChimeFile.from_dict(data) for name, data in stored["chimes"].items()}
            self._revision, self._first_revision = int(stored["revision"]), int(stored["first"])
            self._files = files

    async def async_remove(self) -> None:
        """Remove the stored files, after the last account was removed."""
        self._files.clear()
        self._revision += 1
        self._first_revision = self._revision
        await self._store.async_remove()

    @callback
    def async_watch(self, voices: Mapping[str, Collection[str]]) -> CALLBACK_TYPE:
        """Check the files of loaded voices regularly until the returned function is called.

        `voices`: the configured chimes of each voice, by subentry ID. The chimes of their past calls are checked, too.
        """
        self._voices.update(voices)
        if voices and self._stop_checking is None:
            self._stop_checking = async_track_time_interval(
                self._hass, self._async_start_check, _CHECK_INTERVAL, name="orator chimes", cancel_on_shutdown=True
            )
        self._cancel_check()
        self._async_start_check()
        return partial(self._async_release, voices)

    @callback
    def _async_release(self, voices: Collection[str]) -> None:
        for subentry_id in voices:
            self._voices.pop(subentry_id, None)
        if not self._voices and self._stop_checking:
            self._stop_checking()
            self._stop_checking = None
            self._cancel_check()

    def _cancel_check(self) -> None:
        if self._check:
            self._check.cancel()
            self._check = None

    async def async_find(self, name: str, path: Path) -> tuple[ChimeFile, bool]:
        """Return the file of a chime, and whether it could be checked in time.

        Raises ChimeError if the file does not exist, may not be played, or is new and on a disk that hangs.
        """
        try:
            file, stamp = await self._async_stat(path)
        except TimeoutError as err:
            known = self._files.get(name)
            if known is None or known.path != str(path):
                raise ChimeError("chime_missing") from err
            return known, False
        return self._update(name, path, file, stamp), True

    @callback
    def async_record_call(self, subentry_id: str, names: Collection[str]) -> None:
        """Record that calls of a voice name these chimes.

        Home Assistant queries its cache before the voice gets the options of a call. So from the first call on, a
        change of the file invalidates everything that the voice has spoken.
        """
        for name in names:
            known = self._files.get(name)
            if known and subentry_id not in known.callers:
                self._files[name] = replace(known, callers={**known.callers, subentry_id: known.revision})
                self._save()

    @callback
    def revisions(self, subentry_id: str, configured: Collection[str]) -> Mapping[str, int]:
        """Return the revisions of a voice's changed files: configured chimes, and chimes of past calls."""
        return {
            name: known.revision
            for name, known in sorted(self._files.items())
            if known.revision > (0 if name in configured else known.callers.get(subentry_id, known.revision))
        }

    @callback
    def _update(self, name: str, path: Path, file: Path, stamp: _Stamp) -> ChimeFile:
        """Record the current state of a file."""
        previous = self._files.pop(name, None)
        if previous is None:
            current = ChimeFile(str(path), str(file), stamp, self._first_revision)
        elif (previous.file, previous.stamp) == (str(file), stamp):
            current = replace(previous, path=str(path))
        else:
            self._revision += 1
            current = replace(previous, path=str(path), file=str(file), stamp=stamp, revision=self._revision)
        self._files[name] = current
        while len(self._files) > _MAX_CHIME_FILES:
            del self._files[next(iter(self._files))]
            self._revision += 1
            self._first_revision = self._revision
        if current != previous:
            self._save()
        return current

    @callback
    def _save(self) -> None:
        def data() -> dict[str, Any]:
            chimes = {name: asdict(known) for name, known in self._files.items()}
            return {"chimes": chimes, "revision": self._revision, "first": self._first_revision}

        self._store.async_delay_save(data, _CHIMES_SAVE_DELAY_S)

    @callback
    def _async_start_check(self, _now: datetime | None = None) -> None:
        if self._check is None or self._check.done():
            self._check = self._hass.async_create_background_task(self._async_check(), "orator checks chimes")

    async def _async_check(self) -> None:
        """Find changed files of loaded voices.

        A missing file does not count as changed: it may come back unchanged.
        """
        for name, known in list(self._files.items()):
            if not (
                known.callers.keys() & self._voices.keys() or any(name in names for names in self._voices.values())
            ):
                continue
            path = Path(known.path)
            if any(path.parent == pending.parent for pending in self._stat_jobs):  # one thread per folder that hangs
                continue
            try:
                file, stamp = await self._async_stat(path)
            except ChimeError, TimeoutError:
                continue
            if (str(file), stamp) != (known.file, known.stamp):
                self._update(name, path, file, stamp)

    async def _async_stat(self, path: Path) -> tuple[Path, _Stamp]:
        """Return the real path and stamp of a file. Raises ChimeError.

        Raises TimeoutError if the disk hangs. The job keeps running, and later calls for the same path wait for it.
        """
        now = self._hass.loop.time()
        if path not in self._stat_jobs:
            if len(self._stat_jobs) >= _MAX_STAT_JOBS:
                raise TimeoutError
            future = self._hass.async_add_executor_job(_stat, self._hass, path)
            future.add_done_callback(partial(self._async_stat_done, path))
            self._stat_jobs[path] = (future, now + _STAT_TIMEOUT_S)
        future, deadline = self._stat_jobs[path]
        await asyncio.wait((future,), timeout=max(0, deadline - now))
        if not future.done():
            raise TimeoutError
        return future.result()

    @callback
    def _async_stat_done(self, path: Path, future: asyncio.Future[tuple[Path, _Stamp]]) -> None:
        del self._stat_jobs[path]
        if not future.cancelled():
            future.exception()  # marks it as retrieved, in case all callers have timed out


def _stat(hass: HomeAssistant, path: Path) -> tuple[Path, _Stamp]:
    """Return the real path and stamp of a file that may be played. Blocks. Raises ChimeError."""
    try:
        file = path.resolve(strict=True)
        status = file.stat()
    except (OSError, ValueError, RuntimeError) as err:
        raise ChimeError("chime_missing") from err
    if not _is_allowed(hass, file) or not file.is_file():
        raise ChimeError("chime_missing")  # does not reveal whether a forbidden file exists
    return file, [status.st_mtime_ns, status.st_size]


def _is_allowed(hass: HomeAssistant, file: Path) -> bool:
    """Return whether a file may be played.

    Allowed are visible files in the configuration folder except in custom components, which updates replace, and all
    files that Home Assistant may access or serves as media. Media folders are checked last: each may be a share that
    hangs.
    """
    config_dir = Path(hass.config.config_dir).resolve()
    if file.is_relative_to(config_dir):
        parts = file.relative_to(config_dir).parts
        if parts[0] != "custom_components" and not any(part.startswith(".") for part in parts):
            return True
    media_dirs = (Path(folder).resolve() for folder in hass.config.media_dirs.values())
    return hass.config.is_allowed_path(str(file)) or any(map(file.is_relative_to, media_dirs))

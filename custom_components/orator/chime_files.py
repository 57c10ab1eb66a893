"""The files that people have for chimes: where they are, and whether they have changed."""

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

_MAX_FILES: Final = 256
"""Names that are remembered, and looked after."""
_MAX_ASKED: Final = 8
"""Files that the disk is asked about at once: of a share that hangs, each keeps one of Home Assistant's threads."""
_LOOK_EVERY: Final = timedelta(seconds=30)
_PATIENCE: Final = 1.0
"""Seconds for a disk to tell what a file is like: a listener waits."""
_STORAGE_VERSION: Final = 1

type _Stamp = list[int]
"""What tells that a file has changed: the moment of its last change in nanoseconds, and its size."""


class ChimeError(Exception):
    """There is no such chime, or it can't be one."""

    def __init__(self, key: str, *, is_temporary: bool = False) -> None:
        """Tell why, as the key of a translated text, and whether that may pass by itself."""
        super().__init__(key)
        self.translation_key = key
        self.is_temporary = is_temporary


@dataclass(frozen=True, slots=True)
class ChimeFile:
    """What is known of a file, under one of its names."""

    path: str
    """Where the name leads."""
    file: str
    """Where that really is."""
    stamp: _Stamp
    revision: int = 0
    """Of the house's changes of chimes the one that it last changed with, 0 while it is as it was."""
    callers: dict[str, int] = field(default_factory=dict)
    """The voices that played it because a call said so, each with the revision at its first call."""

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Self:
        """Return what `asdict` has returned. Raises AttributeError, KeyError, TypeError or ValueError."""
        callers = {str(voice): int(revision) for voice, revision in kept["callers"].items()}
        stamp = [int(number) for number in kept["stamp"]]
        return cls(str(kept["path"]), str(kept["file"]), stamp, int(kept["revision"]), callers)


class ChimeFiles:
    """Knows people's files, and looks after them while there are voices."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with nothing known; `async_load` has to follow."""
        self._hass = hass
        self._store = Store[dict[str, Any]](hass, _STORAGE_VERSION, f"{DOMAIN}.chimes")
        self._known: dict[str, ChimeFile] = {}
        self._revision = 0
        """How many changes there were, in all."""
        self._first = 0
        """The revision of a name that is new: one that was forgotten may have changed meanwhile."""
        self._asked: dict[Path, tuple[asyncio.Future[tuple[Path, _Stamp]], float]] = {}
        """What the disk has not told yet, and until when somebody waits for it."""
        self._users = 0
        self._stop_timer: CALLBACK_TYPE | None = None
        self._look: asyncio.Task[None] | None = None

    async def async_load(self) -> None:
        """Know what was known before."""
        kept = await self._store.async_load() or {}
        with suppress(AttributeError, KeyError, TypeError, ValueError):  # damaged: it begins anew
            known = {str(name): ChimeFile.from_dict(one) for name, one in kept["chimes"].items()}
            self._revision, self._first = int(kept["revision"]), int(kept["first"])
            self._known = known

    @callback
    def async_use(self) -> CALLBACK_TYPE:
        """Look after the files until the last one who wanted that calls what is returned."""
        self._users += 1
        if self._stop_timer is None:
            self._stop_timer = async_track_time_interval(
                self._hass, self._async_begin_to_look, _LOOK_EVERY, name="orator chimes", cancel_on_shutdown=True
            )
            self._async_begin_to_look()
        return self._async_leave

    @callback
    def _async_leave(self) -> None:
        self._users -= 1
        if self._users == 0 and self._stop_timer:
            self._stop_timer()
            self._stop_timer = None
            if self._look:
                self._look.cancel()

    async def async_find(self, name: str, path: Path) -> tuple[ChimeFile, bool]:
        """Return what a file is like, and whether that is certain: a disk that does not answer is not waited for.

        Raises ChimeError.
        """
        try:
            file, stamp = await self._async_ask(path)
        except TimeoutError as err:
            known = self._known.get(name)
            if known is None or known.path != str(path):
                raise ChimeError("chime_missing", is_temporary=True) from err
            return known, False
        return self._note(name, path, file, stamp), True

    @callback
    def async_called(self, voice: str, names: Collection[str]) -> None:
        """Remember that calls of a voice name these chimes.

        Home Assistant looks for what it keeps before it tells what a call wants, so a change of one of them concerns
        whatever the voice has spoken.
        """
        for name in names:
            known = self._known.get(name)
            if known and voice not in known.callers:
                self._known[name] = replace(known, callers={**known.callers, voice: known.revision})
                self._save()

    @callback
    def revisions(self, voice: str, configured: Collection[str]) -> Mapping[str, int]:
        """Return which of a voice's files have changed: the configured ones at all, those of calls since they began."""
        return {
            name: known.revision
            for name, known in sorted(self._known.items())
            if known.revision > (0 if name in configured else known.callers.get(voice, known.revision))
        }

    @callback
    def _note(self, name: str, path: Path, file: Path, stamp: _Stamp) -> ChimeFile:
        """Remember what a file is like now."""
        before = self._known.pop(name, None)
        now = ChimeFile(str(path), str(file), stamp, self._first)
        if before and (before.file, before.stamp) != (now.file, now.stamp):
            self._revision += 1
            now = replace(now, revision=self._revision, callers=before.callers)
        elif before:
            now = replace(before, path=now.path)
        self._known[name] = now
        while len(self._known) > _MAX_FILES:
            del self._known[next(iter(self._known))]
            self._revision += 1
            self._first = self._revision
        if now != before:
            self._save()
        return now

    @callback
    def _save(self) -> None:
        def kept() -> dict[str, Any]:
            chimes = {name: asdict(known) for name, known in self._known.items()}
            return {"chimes": chimes, "revision": self._revision, "first": self._first}

        self._store.async_delay_save(kept, 1)

    @callback
    def _async_begin_to_look(self, _now: datetime | None = None) -> None:
        if self._look is None or self._look.done():
            self._look = self._hass.async_create_background_task(self._async_look(), "orator looks after chimes")

    async def _async_look(self) -> None:
        """See whether files have changed; one that is gone may come back as it was."""
        for name, known in list(self._known.items()):
            path = Path(known.path)
            if any(path.parent == asked.parent for asked in self._asked):  # a folder that hangs takes one thread
                continue
            try:
                file, stamp = await self._async_ask(path)
            except ChimeError, TimeoutError:
                continue
            if (str(file), stamp) != (known.file, known.stamp):
                self._note(name, path, file, stamp)

    async def _async_ask(self, path: Path) -> tuple[Path, _Stamp]:
        """Return where a file really is, and what it is like. Raises ChimeError, and TimeoutError in time."""
        now = self._hass.loop.time()
        if path not in self._asked:
            if len(self._asked) >= _MAX_ASKED:
                raise TimeoutError
            future = self._hass.async_add_executor_job(_look_at, self._hass, path)
            future.add_done_callback(partial(self._async_answered, path))
            self._asked[path] = (future, now + _PATIENCE)
        future, until = self._asked[path]
        await asyncio.wait((future,), timeout=max(0, until - now))
        if not future.done():
            raise TimeoutError
        return future.result()

    @callback
    def _async_answered(self, path: Path, future: asyncio.Future[tuple[Path, _Stamp]]) -> None:
        """Take note that the disk has told; nobody may have waited to hear what is wrong."""
        del self._asked[path]
        if not future.cancelled():
            future.exception()


def _look_at(hass: HomeAssistant, path: Path) -> tuple[Path, _Stamp]:
    """Return where a file really is, and what it is like, if it may be played. Touches the disk."""
    try:
        file = path.resolve(strict=True)
        found = file.stat()
    except (OSError, ValueError, RuntimeError) as err:
        raise ChimeError("chime_missing") from err
    if not _is_allowed(hass, file):
        raise ChimeError("chime_forbidden")
    if not file.is_file():
        raise ChimeError("chime_missing")
    return file, [found.st_mtime_ns, found.st_size]


def _is_allowed(hass: HomeAssistant, file: Path) -> bool:
    """Tell whether a file may be played: a visible one of Home Assistant's configuration, or one that it may hand out.

    What an update replaces, custom components, is no place for one. Folders of media come last: each may be a share
    that hangs.
    """
    folder = Path(hass.config.config_dir).resolve()
    if file.is_relative_to(folder):
        places = file.relative_to(folder).parts
        if places[0] != "custom_components" and not any(place.startswith(".") for place in places):
            return True
    media = (Path(folder).resolve() for folder in hass.config.media_dirs.values())
    return hass.config.is_allowed_path(str(file)) or any(map(file.is_relative_to, media))

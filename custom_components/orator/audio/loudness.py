"""How loud a sound is to a listener: integrated loudness as in ITU-R BS.1770 and EBU R 128, measured by ffmpeg."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
import logging
from typing import Final

from .ffmpeg import ConversionError, measure_loudness
from .formats import PcmLayout

MAX_MEASURED_S: Final = 30.0
"""What is measured of a sound: half a minute tells how loud it is, and no more than that ever waits for ffmpeg."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoudnessMeasurement:
    """How loud a sound is."""

    lufs: float
    """Without its pauses."""
    seconds: float
    """How much of it was measured, pauses and all."""


class LoudnessMeter:
    """Has an ffmpeg of its own measure the loudness of samples as they pass. `close` ends that in any case."""

    def __init__(self, layout: PcmLayout, ffmpeg: str) -> None:
        """Begin with nothing heard; ffmpeg starts as soon as the event loop gets its turn."""
        self._layout = layout
        self._fed = 0
        self._limit = int(MAX_MEASURED_S * layout.rate) * layout.frame_size
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()  # as much as `_limit` at most
        measuring = measure_loudness(self._passing(), layout, binary=ffmpeg)
        self._measuring = asyncio.create_task(measuring, name="orator measures loudness")

    def feed(self, samples: bytes) -> None:
        """Take samples, without waiting for anything; what comes after `MAX_SECONDS` is not heard."""
        taken = samples[: self._limit - self._fed]
        if taken and not self._measuring.done():
            self._fed += len(taken)
            self._pieces.put_nowait(taken)
            if self._fed == self._limit:
                self._pieces.shutdown()

    async def result(self) -> LoudnessMeasurement | None:
        """Return how loud all that was fed is; None where nothing is to be heard, or ffmpeg does not tell."""
        self._pieces.shutdown()
        try:
            lufs = await self._measuring
        except ConversionError as err:
            _LOGGER.debug("ffmpeg did not measure: %s %s", err, err.log)
            return None
        return None if lufs is None else LoudnessMeasurement(lufs, self._fed / self._layout.byte_rate)

    async def close(self) -> None:
        """End ffmpeg, wherever it is."""
        self._measuring.cancel()
        await asyncio.gather(self._measuring, return_exceptions=True)

    async def _passing(self) -> AsyncGenerator[bytes]:
        """Yield what is fed until it is all."""
        while True:
            try:
                yield await self._pieces.get()
            except asyncio.QueueShutDown:
                return

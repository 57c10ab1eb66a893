"""Soak test: many announcements on twelve players that fail one command in five, through the action."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
import os
from random import Random
from typing import Any, Final, override

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.orator.announce import playback, player as player_module, player_state, session
from custom_components.orator.announce.player import PLAYING_STATES
from tests.support.audio import RATE, decode
from tests.support.controlled_player import call_announce
from tests.support.players import Fault, Stage, StrictPlayer
from tests.support.streams import wait_until
from tests.support.word_decoder import codes_of, heard_words

_SIZE: Final = os.environ.get("ORATOR_SOAK", "quick")
_SEED: Final = os.environ.get("ORATOR_SOAK_SEED", "1")
_ANNOUNCEMENTS: Final = {"quick": 100, "full": 500}
_FAULT_PROBABILITY: Final = 0.2
_PLATFORMS: Final = (
    *("sonos", "music_assistant", "squeezebox", "bang_olufsen", "esphome", "forked_daapd"),
    *("dlna_dmr", "cast", "mpd", "vlc_telnet", "slimproto", "apple_tv"),
)
_PRIORITIES: Final = ("low", "normal", "normal", "normal", "high", "critical")
_COME_BACK_S: Final = 0.1


@dataclass(eq=False)
class RandomFaults(dict[str, list[Fault]]):
    """The faults of a player's commands, which a seed reproduces."""

    player: StrictPlayer
    random: Random
    count: Counter[Fault] = field(default_factory=Counter)
    is_active: bool = True

    @override
    def get(self, service: str, default: Any = None) -> list[Fault]:
        """Return the fault of the next command, usually none."""
        if not self.is_active or self.random.random() >= _FAULT_PROBABILITY:
            return []
        fault = self.random.choice(list(Fault))
        self.count[fault] += 1
        if fault is Fault.VANISH:
            self.player.hass.loop.call_later(_COME_BACK_S, self.player.come_back)
        return [fault]


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the limits, so that players that hang or show nothing do not take long."""
    monkeypatch.setattr(player_module, "CALL_TIMEOUT_S", 0.2)
    monkeypatch.setattr(player_state, "_RETRY_DELAYS_S", (0.05,) * 20)
    monkeypatch.setattr(player_state, "_PLAYING_TIMEOUT_S", 0.2)
    monkeypatch.setattr(session, "_UNFINISHED_TIMEOUT_S", 2.0)
    for name, seconds in (
        ("_CALL_TIMEOUT_S", 0.5),
        ("_BLOCKING_MARGIN_S", 0.5),
        ("_PLAYING_MARGIN_S", 0.3),
        ("_SILENT_MARGIN_S", 0.05),
        ("_START_TIMEOUT_S", 0.5),
        ("_LOST_S", 0.3),
    ):
        monkeypatch.setattr(playback, name, seconds)


def music_of(number: int) -> str:
    """Return what the player with this number does before the announcements."""
    return ("nothing", "plays", "is paused")[number // 2 % 3]


async def add_players(stage: Stage, random: Random) -> dict[StrictPlayer, str]:
    """Return twelve players, and what each does."""
    players: dict[StrictPlayer, str] = {}
    for number, platform in enumerate(_PLATFORMS):
        player = await stage.add_player(platform, f"Player {number}", volume=(20 + 3 * number) / 100)
        players[player] = music = music_of(number)
        if music != "nothing":
            player.start_music(paused=music == "is paused")
            player.async_write_ha_state()
        player.faults = RandomFaults(player, random)
    return players


async def announce_at_random(hass: HomeAssistant, players: list[StrictPlayer], random: Random, text: str) -> list[str]:
    """Announce on one to three players, and return the results."""
    targets = random.sample(players, random.choice((1, 1, 1, 2, 3)))
    try:
        response = await call_announce(
            hass,
            message=text,
            volume_level=random.choice((0.1, 0.45, 0.6, 0.8)),
            priority=random.choice(_PRIORITIES),
            target={"entity_id": [player.entity_id for player in targets]},
        )
    except HomeAssistantError as err:  # no player was available
        return [err.translation_key or "error"] * len(targets)
    return [result["status"] for result in response.values()]


@pytest.mark.usefixtures("fast")
async def test_soak(hass: HomeAssistant, stage: Stage) -> None:
    """Every volume is as before, nothing plays that was paused, and every announcement has a result."""
    random = Random(_SEED)  # noqa: S311 - reproducible
    asyncio.get_running_loop().set_debug(False)
    players = await add_players(stage, random)
    results: Counter[str] = Counter()
    texts = [f"Number{number}." for number in range(_ANNOUNCEMENTS[_SIZE])]
    slots = asyncio.Semaphore(40)

    async def announce(text: str) -> None:
        async with slots:
            results.update(await announce_at_random(hass, list(players), random, text))

    await asyncio.gather(*(announce(text) for text in texts))
    faults: Counter[Fault] = Counter()
    for player in players:
        assert isinstance(player.faults, RandomFaults)
        player.faults.is_active = False
        faults += player.faults.count
    store = await player_state.async_get_player_store(hass)
    await wait_until(lambda: not store._states, 30)
    heard = sum(len(player.log.heard) for player in players)
    print(f"\n{dict(results)}, {heard} heard, {faults.total()} faults: {dict(faults)}")  # noqa: T201

    for number, (player, music) in enumerate(players.items()):
        assert player.volume == pytest.approx((20 + 3 * number) / 100), player.entity_id
        assert not player.is_volume_muted, player.entity_id
        if music != "plays":
            assert player.state not in PLAYING_STATES, player.entity_id
        assert "announcement is played again" not in player.log.violations
    assert results["played"] > len(texts) / 2
    assert set(results) <= {"played", "failed", "skipped", "speaker_unavailable", "no_speakers"}
    await assert_words(players, texts)


async def assert_words(players: dict[StrictPlayer, str], texts: list[str]) -> None:
    """Fail unless everything that was heard is one of the announcements, complete."""
    known = {code for text in texts for code in codes_of(text)}
    for audio in {item.audio for player in players for item in player.log.heard}:
        words = heard_words((await decode(audio)).samples, RATE)
        assert [word.code in known for word in words] == [True]

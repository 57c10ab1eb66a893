"""Strict media players and satellites: each accepts only what its real platform accepts, with the same timing."""

from .base import Fault, Heard, StrictPlayer
from .platforms import PLAYERS, create_player
from .satellites import StrictSatellite
from .stage import Stage

__all__ = ["PLAYERS", "Fault", "Heard", "Stage", "StrictPlayer", "StrictSatellite", "create_player"]

"""Who speaks for the voices of OpenAI."""

from .espeak import Speaker

_SPEAKERS = {
    "alloy": Speaker("f1", 45),
    "ash": Speaker("m3", 40),
    "ballad": Speaker("m7", 55),
    "cedar": Speaker("m1", 30),
    "coral": Speaker("f2", 60),
    "echo": Speaker("m2", 45),
    "fable": Speaker("m4", 60),
    "marin": Speaker("f4", 50),
    "nova": Speaker("f5", 65),
    "onyx": Speaker("m5", 20),
    "sage": Speaker("f3", 55),
    "shimmer": Speaker("f2", 80),
    "verse": Speaker("m8", 50),
}


def speaker_of(voice: str) -> Speaker:
    """Return who speaks for one of the voices, or for a custom voice's id."""
    return _SPEAKERS.get(voice) or Speaker.named(voice)

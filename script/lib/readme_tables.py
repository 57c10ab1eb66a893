"""Generate the README's table of services and its screenshots, the list of chimes, and the limits of SSML."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
import re
from typing import Final

from custom_components.orator.audio.effects import MAX_CLIP_S, BuiltInChime, load_built_in_chime
from custom_components.orator.providers import PROVIDERS
from custom_components.orator.providers.models import Model
from custom_components.orator.providers.openai.servers import SERVERS, SpeechServer
from custom_components.orator.text import long_markup, ssml, ssml_values
from custom_components.orator.text.say_as import MAX_EXPANDED_CHARS
from custom_components.orator.text.ssml_tags import CONTENT_CHARS, MAX_PROLOG_COMMENT_CHARS
from script.lib.message_docs import NONE, format_table

ROOT: Final = Path(__file__).parent.parent.parent
RAW_FILES_URL: Final = "https://raw.githubusercontent.com/orator-tts/orator/main"
_SCREENSHOTS: Final = ROOT / "docs/screenshots"
_CHIMES: Final = ROOT / "custom_components/orator/audio/sounds"
_SCREENSHOT_WIDTH: Final = 500
_ANNOUNCEMENTS: Final = 1_000
_ANNOUNCEMENT_CHARS: Final = 100
_AFTER_FIRST_SENTENCE: Final = "once the first sentence is generated"
_SERVERS_PAGE: Final = "docs/providers/servers.md"

type Cells = Sequence[str]


def join_words(words: Iterable[str], *, as_code: bool = False) -> str:
    """Return words separated by commas, or a dash if there are none."""
    return ", ".join(f"`{word}`" if as_code else word for word in words) or NONE


def compare_services(models: Mapping[str, Sequence[Model]]) -> str:
    """Return a table of the providers and the known servers. `models`: the documented models by provider."""
    servers = [server for server in SERVERS.values() if not server.is_unknown]
    own = [server for server in servers if not server.is_service]
    return format_table(
        ("Service", "Where it runs", "API key", f"{_ANNOUNCEMENTS:,} announcements", "Starts immediately"),
        [
            *(_describe_provider(*provider) for provider in models.items()),
            *(_describe_servers([server], "cloud", "see its price list") for server in servers if server.is_service),
            *(
                _describe_servers([server for server in own if server.streams == streams], "your server", "free")
                for streams in (True, False)
            ),
        ],
    )


def _describe_provider(provider_id: str, models: Sequence[Model]) -> Cells:
    streaming = dict.fromkeys(model.id for model in models if model.streams)
    is_streaming = len(streaming) == len({model.id for model in models})
    return (
        f"[{PROVIDERS[provider_id].name}](docs/providers/{provider_id}.md)",
        "cloud",
        "required",
        _list_prices(models) or "the price of the vendor you choose",
        "yes" if is_streaming else f"{join_words(streaming, as_code=True)}; others {_AFTER_FIRST_SENTENCE}",
    )


def _list_prices(models: Sequence[Model]) -> str:
    """Return what the announcements cost with each model that has no end date, the cheapest first."""
    prices = {
        model.id: _ANNOUNCEMENTS * model.price.cost(_ANNOUNCEMENT_CHARS)
        for model in models
        if model.price and model.price.currency == "USD" and not model.end_date
    }
    return "<br>".join(f"${prices[model_id]:.2f} `{model_id}`" for model_id in sorted(prices, key=prices.__getitem__))


def _describe_servers(servers: Sequence[SpeechServer], place: str, price: str) -> Cells:
    if any(server.requires_key for server in servers):
        key = "required"
    else:
        key = "if you set one" if any(server.accepts_key for server in servers) else NONE
    return (
        f"[{join_words(server.name for server in servers)}]({_SERVERS_PAGE})",
        place,
        key,
        price,
        "yes" if all(server.streams for server in servers) else _AFTER_FIRST_SENTENCE,
    )


def list_chimes(names: Mapping[str, str]) -> str:
    """Return a table of the built-in chimes with links to their audio. `names`: their names in the form, by chime."""
    return format_table(
        ("Chime", "Option", "Duration", "Audio"),
        (
            (
                names[chime],
                f"`{chime}`",
                f"{load_built_in_chime(chime).seconds:.1f} s",
                f"[Listen]({RAW_FILES_URL}/{(_CHIMES / f'{chime}.wav').relative_to(ROOT)})",
            )
            for chime in BuiltInChime
        ),
    )


def show_screenshots(*names: str) -> str:
    """Return screenshots with captions. The Marketplace (HACS) requires absolute URLs."""
    return "\n".join(
        f'<img src="{RAW_FILES_URL}/{(_SCREENSHOTS / f"{name}.png").relative_to(ROOT)}" alt="{_caption(name)}" '
        f'width="{_SCREENSHOT_WIDTH}"><br><em>{_caption(name)}</em>\n'
        for name in names
    )


def _caption(name: str) -> str:
    """Return the caption of a screenshot: its file name without the leading number."""
    return re.sub(r"^\d+", "", name).replace("_", " ").replace("-", " ").strip().capitalize()


def list_ssml_limits() -> str:
    """Return a table of the limits of markup."""
    return format_table(
        ("What", "Limit"),
        (
            ("Pauses", f"{ssml_values.MAX_PAUSE_S:g} s each, {ssml.MAX_PAUSES_S:g} s in a message"),
            ("Sounds", f"{ssml.MAX_CLIPS} in a message, {MAX_CLIP_S:g} s each"),
            ("Speed", f"{ssml_values.MIN_RATE:g} to {ssml_values.MAX_RATE:g} times the normal one"),
            ("Volume", f"{ssml_values.MIN_STYLE_GAIN_DB:+g} dB to {ssml_values.MAX_STYLE_GAIN_DB:+g} dB, or silent"),
            ("Text to spell out with `say-as`", f"{MAX_EXPANDED_CHARS} characters"),
            ("Text of an `audio` element", f"{CONTENT_CHARS['audio']} characters"),
            ("A tag with its attributes, or a comment", f"{long_markup.MAX_MARKUP_CHARS:,} characters"),
            ("Text after a tag or comment that is never closed", f"{long_markup.MAX_HELD_CHARS:,} characters"),
            ("A comment before `<speak>`", f"{MAX_PROLOG_COMMENT_CHARS} characters"),
            ("Elements within each other", f"{ssml.MAX_OPEN_ELEMENTS}"),
            ("Pauses, sounds and changes of the style", f"{ssml.MAX_EFFECTS:,} in a message"),
        ),
    )

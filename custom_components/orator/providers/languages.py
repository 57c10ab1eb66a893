"""Language tags.

Home Assistant compares tags literally, so lists of languages contain bare and regional tags.
"""

from collections.abc import Iterable
import re
from typing import Final

_REGIONS: Final = {
    "af": "ZA",
    "ar": "AE BH DZ EG IQ JO KW LB LY MA OM QA SA SY TN YE",
    "az": "AZ",
    "be": "BY",
    "bg": "BG",
    "bs": "BA",
    "ca": "ES",
    "cs": "CZ",
    "cy": "GB",
    "da": "DK",
    "de": "AT CH DE",
    "el": "GR",
    "en": "AU CA GB HK IE IN KE NG NZ PH SG TZ US ZA",
    "es": "419 AR BO CL CO CR CU DO EC ES GQ GT HN MX NI PA PE PR PY SV US UY VE",
    "et": "EE",
    "fa": "IR",
    "fi": "FI",
    "fil": "PH",
    "fr": "BE CA CH FR",
    "gl": "ES",
    "he": "IL",
    "hi": "IN",
    "hr": "HR",
    "hu": "HU",
    "hy": "AM",
    "id": "ID",
    "is": "IS",
    "it": "IT",
    "ja": "JP",
    "kk": "KZ",
    "kn": "IN",
    "ko": "KR",
    "lt": "LT",
    "lv": "LV",
    "mi": "NZ",
    "mk": "MK",
    "mr": "IN",
    "ms": "MY",
    "nb": "NO",
    "ne": "NP",
    "nl": "BE NL",
    "nn": "NO",
    "no": "NO",
    "pl": "PL",
    "pt": "BR PT",
    "ro": "RO",
    "ru": "RU",
    "sk": "SK",
    "sl": "SI",
    "sr": "Latn RS",
    "sv": "SE",
    "sw": "KE TZ",
    "ta": "IN LK MY SG",
    "th": "TH",
    "tl": "PH",
    "tr": "TR",
    "uk": "UA",
    "ur": "IN PK",
    "vi": "VN",
    "zh": "CN HK Hans Hant SG TW",
}

WHISPER_LANGUAGES: Final = tuple(
    tag
    for language, regions in _REGIONS.items()
    for tag in (language, *(f"{language}-{region}" for region in regions.split()))
)
"""Tags of the 57 languages of OpenAI's speech models, which are Whisper's according to its text-to-speech guide."""

_LANGUAGE_TAG: Final = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


def normalize_tag(language: str) -> str:
    """Return a language tag in its usual spelling (`pt_br` → `pt-BR`), or an empty string if it is invalid."""
    if not _LANGUAGE_TAG.fullmatch(language):
        return ""
    first, *rest = re.split("[-_]", language)
    return "-".join([first.lower(), *(part.upper() if len(part) == 2 else part for part in rest)])


def expand_tags(languages: Iterable[str]) -> tuple[str, ...]:
    """Return tags, sorted, with all regional variants of bare tags and the bare variants of regional tags."""
    tags = set(languages)
    bare = {tag for tag in tags if "-" not in tag}
    regional = {tag for tag in WHISPER_LANGUAGES if tag.partition("-")[0] in bare}
    return tuple(sorted(tags | regional | {tag.partition("-")[0] for tag in tags}))

"""Generate the documentation of messages, and of what Orator does after an error."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
import re
from typing import Any, Final

from homeassistant.util.yaml import load_yaml_dict

from custom_components.orator.pipeline.synthesizer import ANNOUNCEMENT, INTERACTIVE, PATIENT, WITH_FALLBACK
from custom_components.orator.providers.errors import Outage, SpeechError

NONE: Final = "\N{EN DASH}"
_REMEDIES: Final = Path(__file__).with_name("remedies.yaml")
_PREFIX: Final = re.compile(r"^{voice}(?=\S)")
"""The voice and the account before an error of speech."""
_PLACEHOLDERS: Final = re.compile(r"({\w+})+")
_ELLIPSIS: Final = "\N{HORIZONTAL ELLIPSIS}"
_REAUTH_TITLE: Final = f"“Authentication expired for {_ELLIPSIS}”"
"""Title of Home Assistant's own issue about an API key that must be replaced."""
_SUCCESS: Final = "_successful"
"""End of the keys of abort reasons that report success."""

type Texts = Mapping[str, Any]


def format_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    lines = (head, ["---"] * len(head), *rows)
    return "".join(f"| {' | '.join(' '.join(cell.split()) for cell in line)} |\n" for line in lines)


class MessageDocs:
    """Generator of the tables about messages and errors."""

    def __init__(self, english: Texts) -> None:
        """Take the English translation."""
        self._english = english
        self._error_names: Texts = english["entity"]["sensor"]["last_error"]["state"]
        self._remedies: Mapping[str, Mapping[str, str]] = load_yaml_dict(str(_REMEDIES))

    def describe_messages(self, group: str) -> str:
        """Return a table of the messages of a group with their remedies.

        Raises ValueError if there is a remedy for a message that does not exist.
        """
        messages = self._messages(group)
        remedies = self._remedies[group]
        if unknown := remedies.keys() - messages.keys():
            msg = f"{_REMEDIES.name} has remedies for unknown messages: {sorted(unknown)}"
            raise ValueError(msg)
        has_names = group == "speech"
        head = ("Message", *(["Last error"] if has_names else []), "What you can do")
        rows = (
            (
                "<br>".join(map(readable, texts)),
                *([self._error_names[key]] if has_names else []),
                remedies.get(key, NONE),
            )
            for key, texts in messages.items()
        )
        return format_table(head, rows)

    def _messages(self, group: str) -> dict[str, list[str]]:
        """Return the texts of the messages of a group, by their keys."""
        exceptions = {key: [content["message"]] for key, content in self._english["exceptions"].items()}
        match group:
            case "speech":
                return {key: texts for key, texts in exceptions.items() if key in self._error_names}
            case "actions":
                return {key: texts for key, texts in exceptions.items() if key not in self._error_names}
            case "issues":
                return {key: [content["title"]] for key, content in self._english["issues"].items()}
            case "forms":
                return self._form_messages()
        raise ValueError(group)

    def _form_messages(self) -> dict[str, list[str]]:
        """Return the errors of forms and the reasons for which a form closes, by their keys."""
        found: dict[str, list[str]] = {}
        flows = [self._english["config"], self._english["options"], *self._english["config_subentries"].values()]
        flows += [issue["fix_flow"] for issue in self._english["issues"].values() if "fix_flow" in issue]
        for flow in flows:
            for key, text in chain(flow.get("error", {}).items(), flow.get("abort", {}).items()):
                texts = found.setdefault(key, [])
                if text not in texts:
                    texts.append(text)
        return {key: texts for key, texts in found.items() if not key.endswith(_SUCCESS)}

    def describe_failures(self) -> str:
        """Return a table of what Orator does after each error; errors with the same consequences share a row."""
        rows: dict[tuple[str, ...], list[str]] = {}
        for error in sorted(
            _error_kinds(), key=lambda kind: (not kind.outage, not kind.issue, not kind.allows_fallback)
        ):
            rows.setdefault(self._consequences(error), []).append(self._error_names[error.translation_key])
        table = format_table(
            ("What fails", "What Orator does", "What you hear", "Repair issue"),
            ((", ".join(names), *consequences) for consequences, names in rows.items()),
        )
        return (
            f"{table}\n"
            f"Orator tries again for up to {ANNOUNCEMENT.give_up_after_s:g} seconds, for replies of Assist up to "
            f"{INTERACTIVE.give_up_after_s:g} seconds,\n"
            f"and for a voice with a fallback up to {WITH_FALLBACK.give_up_after_s:g} second. `orator.prepare`, and "
            f"`orator.synthesize` without fallback\nvoices, wait up to {PATIENT.give_up_after_s / 60:g} minutes.\n"
        )

    def _consequences(self, error: type[SpeechError]) -> tuple[str, ...]:
        """Return what Orator does after an error, what the listener hears, and the issue that is created."""
        actions = ["Tries again."] if error.is_retryable else []
        match error.outage:
            case Outage.KEY_REFUSED:
                actions.append("Asks you for a new API key. Uses the fallback voices first until the account works.")
            case Outage.UNREACHABLE:
                actions.append("After three failures in a row, uses the fallback voices first until the account works.")
            case Outage.OUT_OF_CREDIT | Outage.GONE:
                actions.append("Uses the fallback voices first until the account works.")
            case Outage.LIMIT_REACHED:
                actions.append("Sends no request. Uses the fallback voices first until the day or month ends.")
        if not error.allows_fallback:
            actions.append("Reports the error, because only you can correct the value.")
        if error.is_retryable:
            heard = "The voice a moment later, or the fallback voice"
        else:
            heard = "The fallback voice" if error.allows_fallback else "Nothing"
        return " ".join(actions) or "Uses the fallback voice for this text.", heard, self._issues(error)

    def _issues(self, error: type[SpeechError]) -> str:
        """Return the titles of the issues that an error creates, and when."""
        titles = {key: f"“{readable(issue['title'])}”" for key, issue in self._english["issues"].items()}
        is_unreachable = error.outage is Outage.UNREACHABLE
        found = [f"{titles['unreachable']} after an hour"] if is_unreachable else []
        if error.outage is Outage.KEY_REFUSED:
            found.append(f"{_REAUTH_TITLE} at once")
        if error.outage is Outage.LIMIT_REACHED:
            found += [f"{titles[key]} at once" for key in ("daily_limit_reached", "monthly_limit_reached")]
        if error.issue:
            found.append(f"{titles[error.issue]} {'after a day' if is_unreachable else 'at once'}")
        return "; ".join(found) or NONE


def readable(text: str) -> str:
    """Return a text with its placeholders as dots, so that the words between them can be searched for."""
    return _PLACEHOLDERS.sub(_ELLIPSIS, _PREFIX.sub("", text))


def _error_kinds() -> Iterator[type[SpeechError]]:
    """Yield one error class for each message, the unexpected error last; a derived class may share its message."""
    kinds: list[type[SpeechError]] = [SpeechError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    seen: set[str] = set()
    for kind in [*kinds[1:], SpeechError]:
        if kind.translation_key not in seen:
            seen.add(kind.translation_key)
            yield kind


def _scope(error: type[SpeechError]) -> tuple[bool, ...]:
    """Return a sort key: errors of the whole account come first, errors of a single text last."""
    return not error.outage, not (error.outage or error.issue), not error.allows_fallback

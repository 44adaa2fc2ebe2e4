"""A Streamlit page as its browser side sees it: protobuf messages in and out, no I/O. The only module that knows them.

Written against the protocol of Streamlit 1.67 (streamlit/proto, runtime/app_session.py and the frontend's App.tsx of that
version); a test visits the real app with it, and says so when the protocol has changed.
"""

import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

SEEN_WITH: Final = "1.67"
_ANSWERED: Final = re.compile(r'class="sightserve-answered"[^>]* data-label="([^"]*)"')
_INBOX: Final = "sightserve.inbox"  # the component that files come to (frontend/inbox)
_BUSY: Final = "Very many people"  # what the page says when the backend refuses (frontend/shared/words.py)


class ProtocolChanged(Exception):
    """The page does not behave as this module knows it: Streamlit's protocol or the page has changed."""


@dataclass(slots=True)
class Page:
    """What a browser knows of the page that it shows.

    Attributes:
        session: the id that the server gave this visit.
        running: whether the script has not finished yet.
        label: the answer that stands on the page; empty where there is none.
        problem: what the page says went wrong.
        waking: whether it asked for patience, since the script was last started.
        done: what the Batch page says at its end.
        again: the fragment that wants to be run again, and after how many seconds.
        media: pictures that it wants to be loaded.
    """

    session: str = ""
    running: bool = False
    label: str = ""
    problem: str = ""
    waking: bool = False
    done: str = ""
    again: tuple[str, float] | None = None
    media: set[str] = field(default_factory=set)
    _page_hash: str = ""
    _ticket: str = ""
    _widgets: dict[str, str] = field(default_factory=dict)
    _states: dict[str, WidgetState] = field(default_factory=dict)
    _kept: dict[str, ForwardMsg] = field(default_factory=dict)

    def read(self, data: bytes) -> str:
        """Take in one message of the server; return its kind.

        Raises:
            ProtocolChanged: it cannot be read.
        """
        message = ForwardMsg()
        try:
            message.ParseFromString(data)
        except Exception as exc:  # protobuf's DecodeError is of another class in each of its implementations
            raise ProtocolChanged(f"a message of {len(data)} bytes is no ForwardMsg of {SEEN_WITH}") from exc
        if message.WhichOneof("type") == "ref_hash":  # the server knows that we have kept the message itself
            if message.ref_hash not in self._kept:
                raise ProtocolChanged("the server refers to a message that it never sent")
            kept = self._kept[message.ref_hash]
            kept.metadata.CopyFrom(message.metadata)
            message = kept
        elif message.metadata.cacheable:
            self._kept[message.hash] = message
        kind = message.WhichOneof("type") or ""
        match kind:
            case "new_session":
                self._begin(message)
            case "navigation":  # which page it is: said later than new_session, and right where that is wrong
                self._page_hash = message.navigation.page_script_hash or self._page_hash
            case "delta":
                self._change(message)
            case "script_finished":
                early = ForwardMsg.ScriptFinishedStatus.Value("FINISHED_EARLY_FOR_RERUN")
                self.running = message.script_finished == early
            case "auto_rerun":
                self.again = (message.auto_rerun.fragment_id, float(message.auto_rerun.interval))
        return kind

    def _begin(self, message: ForwardMsg) -> None:
        session = message.new_session
        if not message.metadata.run.fragment_ids:
            self._widgets.clear()
            self.again = None
        self.session = session.initialize.session_id or self.session
        self.running, self.label, self.problem, self.done = True, "", "", ""

    def _change(self, message: ForwardMsg) -> None:
        if message.delta.WhichOneof("type") != "new_element":
            return
        element = message.delta.new_element
        match element.WhichOneof("type"):
            case "bidi_component" if element.bidi_component.component_name == _INBOX:
                inbox = element.bidi_component
                self._widgets[_key(inbox.id)] = inbox.id
                self._ticket = json.loads(inbox.json or inbox.mixed.json)["ticket"]
            case "button":
                self._widgets[_key(element.button.id)] = element.button.id
            case "html" if (found := _ANSWERED.search(element.html.body)) is not None:
                self.label = html.unescape(found[1])
            case "alert":
                self._read_alert(element.alert.body, element.alert.Format.Name(element.alert.format))
            case "progress":
                self.waking = self.waking or "waking up" in element.progress.text
            case "imgs":
                self.media.update(image.url for image in element.imgs.imgs if image.url.startswith("/media/"))
            case "exception":
                self.problem = "the page shows an exception"

    def _read_alert(self, body: str, kind: str) -> None:
        if kind == "ERROR":
            self.problem = body.split("**")[1] if "**" in body else body
        elif kind == "SUCCESS":
            self.done = body

    @property
    def busy(self) -> bool:
        """Whether the problem is that the backend has too much to do: it said so at once, which is no failure."""
        return self.problem.startswith(_BUSY)

    def opened(self, path: str = "") -> bytes:
        """Return what a browser sends first."""
        self.running, self.waking = True, False
        message = BackMsg()
        message.rerun_script.page_name = path
        return bytes(message.SerializeToString())

    def address(self, place: str, pick: int, index: int, of: int, name: str, size: int, offset: int = 0) -> str:
        """Return where a part of a file goes; see `frontend/inbox/route.py`."""
        if not self._ticket:
            raise ProtocolChanged("the page has no place that files come to")
        query = urlencode({"of": of, "name": name, "size": size, "offset": offset})
        return f"/inbox/{self._ticket}/{place}/{pick}/{index}?{query}"

    def came(self, place: str, pick: int) -> bytes:
        """Return the news that every file of a pick has been sent."""
        return self._told(place, "came", {"pick": pick, "refused": [], "left": 0})

    def offered(self, place: str, pick: int, files: Sequence[tuple[str, int]]) -> bytes:
        """Return the news of files (name, bytes) that were chosen, and go when the page wants them."""
        offer = {"pick": pick, "photos": [list(file) for file in files], "zips": 0, "others": 0}
        return self._told(place, "offered", {**offer, "refused": [], "left": 0})

    def _told(self, place: str, event: str, value: object) -> bytes:
        # Streamlit's own name for the widget that carries a component's events
        events = f"$$STREAMLIT_INTERNAL_KEY_{self._widget(f'inbox-{place}')}__events"
        told = json.dumps([{"event": event, "value": value}])
        return self._rerun(WidgetState(id=events, json_trigger_value=told))

    def pressed(self, button: str) -> bytes:
        """Return the news that the button with this key was pressed."""
        return self._rerun(WidgetState(id=self._widget(button), trigger_value=True))

    def looked_again(self) -> bytes:
        """Return the request of the fragment that wants to be run again."""
        if self.again is None:
            raise ProtocolChanged("no part of the page asked to be run again")
        return self._rerun(fragment=self.again[0])

    def _rerun(self, *extra: WidgetState, fragment: str = "") -> bytes:
        self.running, self.waking = True, False
        message = BackMsg()
        rerun = message.rerun_script
        rerun.page_script_hash = self._page_hash
        rerun.fragment_id, rerun.is_auto_rerun = fragment, bool(fragment)
        rerun.widget_states.widgets.extend([*self._states.values(), *extra])
        rerun.cached_message_hashes.extend(self._kept)
        return bytes(message.SerializeToString())

    def _widget(self, key: str) -> str:
        for found in self._keys(key):
            return self._widgets[found]
        raise ProtocolChanged(f"the page has no widget with the key {key!r}, only {sorted(self._widgets)}")

    def _keys(self, beginning: str) -> Iterator[str]:
        return (key for key in self._widgets if key == beginning or key.startswith(f"{beginning}-"))

    def has(self, key: str) -> bool:
        """Return whether the page has a widget whose key begins so."""
        return any(True for _ in self._keys(key))


def _key(widget_id: str) -> str:
    """Return the key in a widget's id, which is "$$ID-<hash>-<key>"."""
    parts = widget_id.split("-", 2)
    return parts[2] if len(parts) == 3 else widget_id  # noqa: PLR2004

"""A Streamlit page as its browser side sees it: protobuf messages in and out, no I/O. The only module that knows them.

Written against the protocol of Streamlit 1.67 (streamlit/proto, runtime/app_session.py and the frontend's App.tsx of that
version); a test visits the real app with it, and says so when the protocol has changed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

SEEN_WITH: Final = "1.67"
_ESCAPED: Final = re.compile(r"\\(.)")
_ANSWER: Final = "answer"  # the key of the container that the label appears in
_UNSURE: Final = "Perhaps "
_BUSY: Final = "Very many people"  # what the page says when the backend refuses (frontend/shared/words.py)


class ProtocolChanged(Exception):
    """The page does not behave as this module knows it: Streamlit's protocol or the page has changed."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Where a file goes."""

    file_id: str
    url: str
    delete_url: str


@dataclass(slots=True)
class Page:
    """What a browser knows of the page that it shows.

    Attributes:
        session: the id that the server gave this visit.
        running: whether the script has not finished yet.
        label: the answer that stands on the page, without its "Perhaps"; empty where there is none.
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
    upload: Upload | None = None
    _page_hash: str = ""
    _place: tuple[int, ...] = ()
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
            case "file_urls_response":
                urls = list(message.file_urls_response.file_urls)
                if not urls:
                    raise ProtocolChanged(f"no address to upload to: {message.file_urls_response.error_msg}")
                self.upload = Upload(urls[0].file_id, urls[0].upload_url, urls[0].delete_url)
        return kind

    def _begin(self, message: ForwardMsg) -> None:
        session = message.new_session
        if not message.metadata.run.fragment_ids:
            self._widgets.clear()
            self._place, self.again = (), None
        self.session = session.initialize.session_id or self.session
        self.running, self.label, self.problem, self.done = True, "", "", ""

    def _change(self, message: ForwardMsg) -> None:
        place, delta = tuple(message.metadata.delta_path), message.delta
        kind = delta.WhichOneof("type")
        if kind == "add_block":
            if delta.add_block.id.endswith(f"-{_ANSWER}"):
                self._place = place
            return
        if kind != "new_element":
            return
        element = delta.new_element
        match element.WhichOneof("type"):
            case "file_uploader":
                self._widgets[_key(element.file_uploader.id)] = element.file_uploader.id
            case "button":
                self._widgets[_key(element.button.id)] = element.button.id
            case "heading" if self._in_answer(place) and element.heading.tag == "h2":
                self.label = self.label or _ESCAPED.sub(r"\1", element.heading.body).removeprefix(_UNSURE)
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

    def _in_answer(self, place: tuple[int, ...]) -> bool:
        return bool(self._place) and place[: len(self._place)] == self._place

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

    def wants_upload(self, name: str) -> bytes:
        """Return the question where a file may be uploaded to."""
        self.upload = None
        message = BackMsg()
        message.file_urls_request.request_id = str(uuid4())
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = self.session
        return bytes(message.SerializeToString())

    def uploaded(self, uploader: str, files: list[tuple[str, int, Upload]]) -> bytes:
        """Return the news that files (name, bytes, where) are in the uploader whose key begins so."""
        state = WidgetState(id=self._widget(uploader))
        for name, size, upload in files:
            info = state.file_uploader_state_value.uploaded_file_info.add(name=name, size=size, file_id=upload.file_id)
            info.file_urls.file_id = upload.file_id
            info.file_urls.upload_url, info.file_urls.delete_url = upload.url, upload.delete_url
        self._states[state.id] = state
        return self._rerun()

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

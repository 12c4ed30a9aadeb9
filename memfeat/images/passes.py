"""One clip that is open: decoded in passes that go on where the one before stopped."""

import hashlib
import os
import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from io import BufferedReader
from typing import Any, NamedTuple

from PIL import Image

from memfeat.errors import MissingPackageError
from memfeat.images.opening import PIXEL_LIMIT, UnreadableImage, readable

__all__ = ["Clip", "cut_off", "needs_av"]

#: Threads that decode a clip.
N_THREADS = 4
#: Lines from which colours that a clip does not declare are taken for those of HD.
HD = 720
#: What a stream says that does not say how its colours are coded.
UNDECLARED = 2
#: Display rotation, degrees counterclockwise -> how the stored pixels are turned.
TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, -180: Image.Transpose.ROTATE_180}
TURNS |= {-90: Image.Transpose.ROTATE_270}


def needs_av() -> Any:
    """Import what decodes clips.

    Returns
    -------
    module
        PyAV.

    Raises
    ------
    MissingPackageError
        If it is not installed.
    """
    try:
        import av
    except ImportError as error:
        remedy = 'Run: pip install "memfeat[video]"'
        raise MissingPackageError(f"PyAV (av) must be installed to read clips; it is not. {remedy}") from error
    return av


class _Packet(NamedTuple):
    """What the file says about one stored frame."""

    at: int
    ticks: int
    key: bool
    left_out: bool
    damaged: bool


class Clip:
    """A clip that is open. Threads take turns; a frame that another one waits for is kept when it comes by."""

    def __init__(self, path: str, *, n_threads: int = N_THREADS) -> None:
        self.path, self.sha256, self.mode, self.cut, self.duration = path, "", "RGB", "", Fraction(0)
        self._n_threads, self._released = n_threads, False
        self._stamp: tuple[int, ...] = ()
        self._turn, self._asking = threading.Lock(), threading.Lock()
        self._wanted: Counter[int] = Counter()
        self._targets: dict[int, int] = {}
        self._kept: dict[int, Image.Image] = {}
        self._container: Any = None
        self._stream: Any = None
        self._frames: Iterator[Any] | None = None
        self._at: int | None = None

    def picture(self, milliseconds: int, name: str) -> Image.Image:
        """Give the frame at a time."""
        with self._asking:
            self._wanted[milliseconds] += 1
        try:
            with self._turn:
                self._open_anew(name)
                if milliseconds not in self._kept:
                    self._run_to(milliseconds, name)
                return self._kept[milliseconds].copy()
        finally:
            with self._asking:
                self._wanted[milliseconds] -= 1
                if not self._wanted[milliseconds]:
                    del self._wanted[milliseconds]
                    self._kept.pop(milliseconds, None)
                    self._targets.pop(milliseconds, None)
                last = self._released and not self._wanted
            if last:
                self.close()

    def close(self) -> None:
        """Give the file and the threads back, once the thread that decodes is done; the next frame opens it anew."""
        with self._turn:
            self._shut()
            self._stamp = ()

    def release(self) -> None:
        """Close as soon as nobody waits for a frame, now or after those that are waited for."""
        with self._asking:
            self._released, idle = True, not self._wanted
        if idle:
            self.close()

    def _shut(self) -> None:
        """Close the stream. What decodes refers to the clip, so that neither would be freed by itself."""
        self._frames = self._at = None
        container, self._container, self._stream = self._container, None, None
        if container is not None:
            container.close()

    def _open_anew(self, name: str) -> None:
        """Open the file, or open it again once it has changed."""
        with readable(self.path, name) as file:
            state = os.fstat(file.fileno())
            stamp = (state.st_size, state.st_mtime_ns, state.st_ino)
            if stamp == self._stamp:
                return
            self._kept.clear()
            self._targets.clear()
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            self._cut, self._threads = cut_off(file), self._n_threads
            self._start(name)
        self._stamp = stamp

    def _start(self, name: str) -> None:
        """Open the stream, and list the times of its frames."""
        av = needs_av()
        self._shut()
        try:
            # only this file is opened, whatever it says about others
            self._container = av.open(f"file:{self.path}", options={"protocol_whitelist": "file"})
        except av.FFmpegError as error:
            said = ("truncated", "the file ends before the clip does")
            said = said if self._cut else ("unreadable", f"no format of clips is recognised ({error.strerror})")
            raise UnreadableImage(name, *said) from error
        if not self._container.streams.video:
            raise UnreadableImage(name, "unreadable", "it holds no pictures, at most sound")
        self._stream = self._container.streams.video[0]
        coded = self._stream.codec_context
        if coded.width * coded.height > PIXEL_LIMIT:
            reason = f"{coded.width} × {coded.height} pixels are more than {PIXEL_LIMIT:,}; save it smaller"
            raise UnreadableImage(name, "too large", reason)
        self.mode = "L" if (coded.pix_fmt or "").startswith(("gray", "mono")) else "RGB"
        coded.thread_type, coded.thread_count = "AUTO", self._threads
        self._list(name)

    def _list(self, name: str) -> None:
        """List when each frame is shown, and from which ones decoding can start; nothing is decoded."""
        packets = [_packet(one, name) for one in self._packets() if one.size]
        cut = self._cut or bool(packets and packets[-1].damaged)
        self._keys = sorted(one.at for one in packets if one.key) or [one.at for one in packets[:1]]
        # what comes before the first start of decoding cannot be decoded, and the last one is cut through
        whole = [one for one in packets if not (one.left_out or one.damaged) and one.at >= self._keys[0]]
        if not whole:
            raise UnreadableImage(name, "truncated" if cut else "unreadable", "it holds no frame")
        self._starts = sorted(one.at for one in whole)
        last = max(whole, key=lambda one: one.at)
        ticks = last.ticks or 1 / (self._stream.average_rate or 25) / self._stream.time_base
        self.duration = (last.at + ticks - self._starts[0]) * self._stream.time_base
        self.cut = f"the file ends after {float(self.duration):.3f} s, before the clip does" if cut else ""
        self._rewind(self._keys[0])

    def _packets(self) -> Iterator[Any]:
        """Read packets, as far as there are any."""
        with suppress(needs_av().FFmpegError):
            yield from self._container.demux(self._stream)

    def _rewind(self, key: int) -> None:
        """Go back, or on, to a frame from which decoding can start."""
        self._container.seek(key, stream=self._stream)
        self._frames, self._at = self._decoded(), None

    def _decoded(self) -> Iterator[Any]:
        """Decode on. A damaged packet costs its own frames, and no others."""
        failed = needs_av().FFmpegError
        for packet in self._packets():
            with suppress(failed):
                yield from packet.decode()

    def _target(self, milliseconds: int) -> int:
        """Find the frame that is shown at a time, to half a millisecond, as names say it."""
        if milliseconds not in self._targets:
            ticks = int(Fraction(2 * milliseconds + 1, 2000) / self._stream.time_base)
            self._targets[milliseconds] = _last(self._starts, self._starts[0] + ticks)
        return self._targets[milliseconds]

    def _run_to(self, milliseconds: int, name: str) -> None:
        """Decode until the frame comes by; skip to a later start of decoding where there is one before it."""
        target = self._target(milliseconds)
        key = _last(self._keys, target)
        if self._at is None or not key <= self._at < target:
            self._rewind(key)
        if self._advance(target) > target:
            # some formats seek too far
            self._rewind(self._keys[0])
            self._advance(target)
        if milliseconds not in self._kept and self._threads > 1:
            # several threads lose more frames about a damaged one, now these and now others
            self._threads = 1
            self._start(name)
            self._run_to(milliseconds, name)
        if milliseconds not in self._kept:
            raise UnreadableImage(name, "unreadable", "the frame is damaged")

    def _advance(self, target: int) -> int:
        """Decode up to a frame, keep those that are waited for, and say when the first one is shown."""
        first = None
        for picture in self._frames or ():
            at: int = target if picture.pts is None else picture.pts
            self._at, first = at, at if first is None else first
            with self._asking:
                mine = [one for one in self._wanted if self._target(one) == picture.pts]
            if mine and not picture.is_corrupt:
                self._kept |= dict.fromkeys(mine, _upright(picture, self._stream.sample_aspect_ratio))
            if at >= target:
                break
        return target if first is None else first


def _packet(packet: Any, name: str) -> _Packet:
    """Read what is said about a stored frame."""
    if packet.pts is None:
        raise UnreadableImage(name, "unreadable", "its frames have no times; save it as MP4 or MKV")
    return _Packet(packet.pts, packet.duration or 0, packet.is_keyframe, packet.is_discard, packet.is_corrupt)


def _last(times: list[int], limit: int) -> int:
    """Give the last of sorted times that is not after the limit, or the first."""
    return times[max(0, bisect_right(times, limit) - 1)]


def _upright(picture: Any, aspect: Fraction | None) -> Image.Image:
    """Give RGB as it is to be seen: colours by what the clip declares, square pixels, upright."""
    coding = {}
    if picture.colorspace == UNDECLARED:
        coding = {"src_colorspace": "ITU709" if picture.height >= HD else "ITU601"}
    image = Image.fromarray(picture.to_ndarray(format="rgb24", **coding))
    wider = float(aspect or 1)
    size = (round(image.width * max(wider, 1)), round(image.height * max(1 / wider, 1)))
    if size != image.size and size[0] * size[1] <= PIXEL_LIMIT:
        image = image.resize(size, Image.Resampling.BICUBIC)
    turn = TURNS.get(picture.rotation)
    return image if turn is None else image.transpose(turn)


def cut_off(file: BufferedReader) -> bool:
    """Say whether an MP4 or AVI file lacks its end, by the lengths that it declares.

    Parameters
    ----------
    file : binary file
        Open, anywhere.

    Returns
    -------
    bool
        Whether it does; False for what is of another kind.
    """
    size, at = file.seek(0, 2), 0
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"RIFF":
        return int.from_bytes(head[4:8], "little") + 8 > size
    if head[4:8] != b"ftyp":
        return False
    while at < size:
        file.seek(at)
        box = file.read(16)
        length = int.from_bytes(box[:4], "big")
        if length == 1:
            length = int.from_bytes(box[8:16], "big")
        if len(box) < 8 or (length < 8 and length != 0):
            return True
        at = at + length if length else size
    return at > size

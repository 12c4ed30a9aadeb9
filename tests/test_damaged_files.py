"""Damaged files: each is decoded or stands in the ledger with its reason, and none costs the others or the memory."""

import hashlib
import io
import json
import os
import random
import struct
import subprocess
import sys
import textwrap
import threading
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

import memfeat as mf
import memfeat.images as mi
from memfeat.demo.photographs import PHOTOGRAPHS
from memfeat.images import decoding, opening
from memfeat.models import preprocessing

N_FILES = 500
USED = ("astronaut.png", "coffee.png", "rocket.jpg", "china.jpg", "grace_hopper.jpg")
#: Sizes that a header may declare: none, one, few, more than is there, more than the limit, the largest of two fields.
SIZES = (0, 1, 3, 300, 9_000, 20_000, 65_500, 65_535)


# --- whole files ------------------------------------------------------------------------------------------------------


def photographs() -> list[Image.Image]:
    small = []
    for one in PHOTOGRAPHS:
        if one.file in USED:
            with files(one.place[0]).joinpath(*one.place[1].split("/"), one.file).open("rb") as file:
                image = Image.open(file).convert("RGB")
            image.thumbnail((90, 70))
            small.append(image)
    assert len(small) == len(USED)
    return small


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def originals() -> dict[str, bytes]:
    """Photographs as JPEG and PNG of every sort."""
    small = photographs()
    one, grey = small[0], small[0].convert("L")
    tags = Image.Exif()
    tags[0x0112] = 6
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    plain = {f"{i}.jpg": saved(image, "JPEG") for i, image in enumerate(small)}
    plain |= {f"{i}.png": saved(image, "PNG") for i, image in enumerate(small)}
    return plain | {
        "progressive.jpg": saved(one, "JPEG", progressive=True, exif=tags),
        "restarts.jpg": saved(one, "JPEG", restart_marker_rows=1),
        "grey.jpg": saved(grey, "JPEG"),
        "cmyk.jpg": saved(one.convert("CMYK"), "JPEG"),
        "turned.png": saved(one, "PNG", exif=tags),
        "palette.png": saved(one.quantize(32), "PNG", transparency=3),
        "alpha.png": saved(one.convert("RGBA"), "PNG"),
        "grey-alpha.png": saved(one.convert("LA"), "PNG"),
        "16-bit.png": saved(deep, "PNG"),
        "one-bit.png": saved(one.convert("1"), "PNG"),
    }


# --- ways of damaging them --------------------------------------------------------------------------------------------


def is_png(data: bytes) -> bool:
    return data.startswith(b"\x89PNG")


def parts(data: bytes) -> list[tuple[int, int]]:
    """Where the segments of a JPEG, or the chunks of a PNG, begin and end."""
    found, at = [], 8 if is_png(data) else 2
    while at + 12 <= len(data):
        size = 12 + int.from_bytes(data[at : at + 4]) if is_png(data) else 2 + int.from_bytes(data[at + 2 : at + 4])
        found.append((at, at + size))
        if data[at + 1] == 0xDA and not is_png(data):  # pixels follow, and no more segments
            break
        at += size
    return found


def bits_flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 50])):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def header_bits_flipped(data: bytes, rng: random.Random) -> bytes:
    return bits_flipped(data[:60], rng) + data[60:]


def cut_off(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.choice([rng.randrange(len(data)), len(data) - rng.randint(1, 16)])]


def beginning_lost(data: bytes, rng: random.Random) -> bytes:
    return data[rng.randint(1, 40) :]


def wrong_header(data: bytes, rng: random.Random) -> bytes:
    head = rng.choice(
        [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"RIFF\0\1\0\0WEBP", b"P6\n"]
    )
    return head + data[len(head) :]


def zeroed(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.randint(1, len(data) // 2))
    return data[:start] + bytes(end - start) + data[end:]


def giant(data: bytes, rng: random.Random) -> bytes:
    width, height = rng.choice(SIZES), rng.choice(SIZES)
    if is_png(data):
        header = data[12:16] + struct.pack(">II", width << rng.choice([0, 15]), height) + data[24:29]
        return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    frame = next(start for start, _ in parts(data) if data[start + 1] in (0xC0, 0xC2))
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


def rubbish_appended(data: bytes, rng: random.Random) -> bytes:
    return data + rng.randbytes(rng.randint(1, 3_000))


def rubbish_inserted(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randint(1, 60)) + data[at:]


def segment_doubled(data: bytes, rng: random.Random) -> bytes:
    (start, end), (at, _) = rng.choice(parts(data)), rng.choice(parts(data))
    return data[:at] + data[start:end] + data[at:]


def segment_lost(data: bytes, rng: random.Random) -> bytes:
    start, end = rng.choice(parts(data))
    return data[:start] + data[end:]


DAMAGES: list[Callable[[bytes, random.Random], bytes]] = [
    bits_flipped, header_bits_flipped, cut_off, beginning_lost, wrong_header, zeroed, giant, rubbish_appended,
    rubbish_inserted, segment_doubled, segment_lost,
]  # fmt: skip


def resealed(data: bytes) -> bytes:
    """Make the checksums of a PNG fit again, so that damage gets past them."""
    for start, end in parts(data) if is_png(data) else []:
        if end <= len(data):
            data = data[: end - 4] + struct.pack(">I", zlib.crc32(data[start + 4 : end - 4])) + data[end:]
    return data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 damaged files among the whole ones that they come from."""
    root, rng, whole = tmp_path_factory.mktemp("damaged"), random.Random(20261124), originals()
    for name, data in whole.items():
        (root / f"whole-{name}").write_bytes(data)
    for i in range(N_FILES):
        damage, name = DAMAGES[i % len(DAMAGES)], rng.choice(list(whole))
        data = damage(whole[name], rng)
        data = resealed(data) if rng.random() < 0.5 else data
        suffix = Path(name).suffix if rng.random() < 0.9 else rng.choice([".png", ".jpg", ".tif", ".webp", ".gif"])
        (root / f"{i:03}-{damage.__name__}-{Path(name).stem}{suffix}").write_bytes(data)
    return root


@pytest.fixture(scope="module")
def verified(folder: Path):
    return mi.read(folder, verify=True)


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 2, 3), nn.Linear(2, 1)

    def forward(self, x):
        return self.fc(self.conv(x).mean(dim=(2, 3)))


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return mf.models.wrap(Tiny().eval(), preprocessing.SquashAndCrop(20, 16), name="tiny")


# --- what must hold ---------------------------------------------------------------------------------------------------


def test_every_damaged_file_is_decoded_or_stands_in_the_ledger(verified) -> None:
    ledger = mi.ledger(verified).set_index("image")
    counts = Counter(verified.status.values.tolist())
    assert sum(counts.values()) == N_FILES + len(originals())
    assert counts.keys() == {"ok", "truncated", "unreadable", "too large", "empty"} & counts.keys()
    # of each there are many, so that the files are damaged in more than one way, and not all beyond repair
    assert min(counts[status] for status in ("ok", "truncated", "unreadable", "too large")) >= 5
    assert not [name for name in ledger.index if name.startswith("whole-")]
    assert ledger["reason"].str.contains(" ").all()  # words, not a bare number or name
    for name in verified.image.values:
        if name in ledger.index:
            with pytest.raises(mi.UnreadableImage) as caught:
                mi.decode_file(verified.path.sel(image=name).item(), name=name)
            assert caught.value.status == ledger.status[name]
            assert caught.value.reason
        else:
            row = verified.sel(image=name)
            assert mi.decode(verified, name).size == (row.width.item(), row.height.item())


def test_damaged_files_are_read_without_a_word_but_our_own(folder: Path, caplog, capfd) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        table = mi.read(folder)
    assert said == []
    assert {record.name.split(".")[0] for record in caplog.records} == {"memfeat"}
    assert "images cannot be used" in caplog.text
    assert capfd.readouterr() == ("", "")
    assert (table.status != "ok").any()


def test_what_pillow_logs_of_a_tiff_is_kept_in(tmp_path: Path, caplog) -> None:
    data = saved(Image.new("RGB", (5, 5)), "TIFF")
    samples = struct.pack("<HHIH", 277, 3, 1, 3)
    assert data.count(samples) == 1
    (tmp_path / "samples.tif").write_bytes(data.replace(samples, struct.pack("<HHIH", 277, 3, 1, 15_793)))
    table = mi.read(tmp_path)
    assert table.status.item() == "unreadable"
    assert [record.name for record in caplog.records] == ["memfeat.images.reading"]


@pytest.mark.parametrize("verify", [True, False])
def test_extraction_gives_exactly_the_good_ones(folder: Path, verified, tiny, verify: bool) -> None:
    with pytest.warns(mf.errors.MemfeatWarning, match="Images left out"):
        found = mf.extract(mi.read(folder, verify=verify), model=tiny, layers="fc")
    good = verified.image.values[verified.status.values == "ok"]
    assert found.image.values.tolist() == good.tolist()
    assert np.isfinite(found["fc"].values).all()
    left_out = {row["image"]: row["status"] for row in json.loads(found.attrs["left_out"])}
    ledger = mi.ledger(verified)
    assert left_out == dict(zip(ledger["image"], ledger["status"], strict=True))


def test_good_images_have_the_features_they_have_alone(folder: Path, tiny) -> None:
    with pytest.warns(mf.errors.MemfeatWarning, match="Images left out"):
        among = mf.extract(folder, model=tiny, layers="fc", batch_size=8)
    alone = mf.extract(sorted(folder.glob("whole-*")), model=tiny, layers="fc", batch_size=8)
    np.testing.assert_allclose(among["fc"].sel(image=alone.image).values, alone["fc"].values, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_ordinary_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    table = mi.read(tmp_path)
    assert table.status.values.tolist() == ["unreadable"] * 2
    assert table.reason.values.tolist() == ["it is no ordinary file"] * 2


def test_a_disk_that_fails_while_a_file_is_read_costs_that_file_only(tmp_path: Path, monkeypatch) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(saved(Image.new("RGB", (5, 5)), "PNG"))
    digest = hashlib.file_digest

    def failing(file, kind):
        if file.name.endswith("a.png"):
            raise OSError(5, "Input/output error")
        return digest(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", failing)
    table = mi.read(tmp_path)
    assert table.status.values.tolist() == ["unreadable", "ok"]
    assert table.reason.values.tolist() == ["Input/output error", ""]


# --- memory -----------------------------------------------------------------------------------------------------------


def png_of_zeros(edge: int) -> bytes:
    """Write a white picture with transparency, the sort that takes most memory, without having it in memory."""
    packed, row = zlib.compressobj(1), bytes(1 + 2 * edge)
    data = b"".join(packed.compress(row) for _ in range(edge)) + packed.flush()
    out = b"\x89PNG\r\n\x1a\n"
    for kind, content in (
        (b"IHDR", struct.pack(">IIBBBBB", edge, edge, 8, 4, 0, 0, 0)),
        (b"IDAT", data),
        (b"IEND", b""),
    ):
        out += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return out


def declaring(kind: str, edge: int) -> bytes:
    """Make a small file of a kind declare edge × edge pixels."""
    small = Image.effect_noise((64, 64), 50).convert("RGB")
    if kind == "JPEG":
        data = saved(small, "JPEG", progressive=True)
        frame = next(start for start, _ in parts(data) if data[start + 1] == 0xC2)
        return data[: frame + 5] + struct.pack(">HH", edge, edge) + data[frame + 9 :]
    if kind == "GIF":
        data = saved(small, "GIF")
        frame = data.index(b"\x2c\0\0\0\0")
        size = struct.pack("<HH", edge, edge)
        return data[:6] + size + data[10 : frame + 5] + size + data[frame + 9 :]
    if kind == "WEBP":
        data = saved(small, "WEBP", lossless=True)
        bits = int.from_bytes(data[21:25], "little") >> 28 << 28
        return data[:21] + (bits | (edge - 1) << 14 | (edge - 1)).to_bytes(4, "little") + data[25:]
    assert kind == "TIFF"
    data = bytearray(saved(small, "TIFF", compression="tiff_adobe_deflate"))
    directory = int.from_bytes(data[4:8], "little")
    for at in range(directory + 2, directory + 2 + 12 * int.from_bytes(data[directory : directory + 2], "little"), 12):
        if int.from_bytes(data[at : at + 2], "little") in (256, 257, 278):  # width, height, rows of a strip
            data[at + 2 : at + 12] = struct.pack("<HII", 4, 1, edge)
    return bytes(data)


@pytest.mark.parametrize(("kind", "edge"), [("JPEG", 65_500), ("GIF", 65_535), ("WEBP", 16_383), ("TIFF", 60_000)])
def test_a_giant_that_is_only_declared_is_too_large_in_every_format(tmp_path: Path, kind: str, edge: int) -> None:
    path = tmp_path / "bomb.img"
    path.write_bytes(declaring(kind, edge))
    with pytest.raises(mi.UnreadableImage, match=r"too large: .*\d pixels"):
        mi.decode_file(path)


@pytest.mark.parametrize(("format", "most"), [("PNG", 400), ("WEBP", 200)])
def test_the_limit_is_that_of_the_format(tmp_path: Path, monkeypatch, format: str, most: int) -> None:
    monkeypatch.setattr(opening, "PIXEL_LIMIT", 400)
    for width in (most // 10, most // 10 + 1):
        (tmp_path / f"{width}.img").write_bytes(saved(Image.new("RGB", (width, 10)), format))
    assert mi.decode_file(tmp_path / f"{most // 10}.img").size == (most // 10, 10)
    with pytest.raises(mi.UnreadableImage, match=f"too large: {most // 10 + 1} × 10 pixels are more than {most}; save"):
        mi.decode_file(tmp_path / f"{most // 10 + 1}.img")


BOMBED = """
    import sys, warnings
    from pathlib import Path
    import torch
    import memfeat as mf
    from memfeat.models import preprocessing

    def peak():
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1000

    torch.set_num_threads(1)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten(), torch.nn.Linear(2 * 14 * 14, 1))
    model = mf.models.wrap(module, preprocessing.SquashAndCrop(20, 16))
    folder = Path(sys.argv[1])
    mf.extract(folder / "small", model=model, layers="2", progress=False)
    before = peak()
    warnings.simplefilter("ignore")
    declared = mf.images.read(folder / "declared", progress=False)
    first = peak()
    table = mf.images.read(folder / "bombs", verify=False, progress=False)
    found = mf.extract(table, model=model, layers="2", workers=4, progress=False)
    print(round(first - before), round(peak() - before), *declared.status.values, *found.image.values)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read as Linux gives it")
def test_bombs_do_not_exhaust_the_memory(tmp_path: Path) -> None:
    """Less than 1.5 GB for the largest image of any format, and less than 2 GB when several meet in several threads.

    Without the shared limit three of these at once take 2.8 GB, and with whole copies of each step 5.4.
    """
    bombs, small, declared = (tmp_path / name for name in ("bombs", "small", "declared"))
    for folder in (bombs, small, declared):
        folder.mkdir()
        (folder / "small.png").write_bytes(saved(Image.new("RGB", (30, 30)), "PNG"))
    largest = png_of_zeros(10_950)
    assert len(largest) < 2_000_000
    for i in range(3):
        (bombs / f"largest-{i}.png").write_bytes(largest)
    larger = png_of_zeros(3)[:16] + struct.pack(">II", 11_000, 11_000) + largest[24:]
    (declared / "over.png").write_bytes(resealed(larger))
    # a JPEG that ends early, but with its mark, is filled up with grey by the decoder, and so is whole
    for kind, edge in (("JPEG", 10_900), ("WEBP", 7_700), ("TIFF", 10_900)):
        (declared / f"under.{kind.lower()}").write_bytes(declaring(kind, edge))
        (declared / f"over.{kind.lower()}").write_bytes(declaring(kind, edge + 400))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(BOMBED), str(tmp_path)], capture_output=True, text=True, check=True
    )
    read, extracted, *rest = done.stdout.split()
    assert rest[-4:] == ["largest-0.png", "largest-1.png", "largest-2.png", "small.png"]
    assert done.stdout.count("too large") == 4
    assert int(read) < 1_500
    assert 400 < int(extracted) < 2_000


def test_no_more_pixels_than_the_limit_are_decoded_at_once_and_none_waits_for_ever(monkeypatch) -> None:
    monkeypatch.setattr(opening, "PIXEL_LIMIT", 100)
    lock, now, most, done = threading.Lock(), [0], [0], []

    def work(pixels: int) -> None:
        with opening.room(Image.new("L", (pixels, 1))):
            with lock:
                now[0] += min(pixels, 100)
                most[0] = max(most[0], now[0])
            threading.Event().wait(0.002)
            with lock:
                now[0] -= min(pixels, 100)
                done.append(pixels)

    sizes = [30, 30, 100, 1, 60, 50, 1_000, 30, 1, 99, 2] * 4
    workers = [threading.Thread(target=work, args=(pixels,)) for pixels in sizes]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert sorted(done) == sorted(sizes)
    assert 60 < most[0] <= 100


def test_room_is_given_back_after_an_error(monkeypatch) -> None:
    monkeypatch.setattr(opening, "PIXEL_LIMIT", 100)
    image = Image.new("L", (100, 1))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"), opening.room(image):
            raise RuntimeError("broken")
    with opening.room(image):
        pass


@settings(max_examples=50)
@given(
    mode=st.sampled_from(["RGBA", "LA", "PA", "I;16", "I", "F"]),
    width=st.integers(1, 9),
    height=st.integers(1, 9),
    strip=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
)
def test_converting_in_strips_changes_nothing(mode: str, width: int, height: int, strip: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = {
        "I;16": rng.integers(0, 2**16, (height, width), dtype=np.uint16),
        "I": rng.integers(0, 2**16, (height, width), dtype=np.int32),
        "F": rng.random((height, width), dtype=np.float32),
    }
    if mode in pixels:
        image = Image.fromarray(pixels[mode])
    else:
        image = Image.fromarray(rng.integers(0, 256, (height, width, 4), dtype=np.uint8)).convert(mode)
    whole = decoding.rgb(image)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(decoding, "STRIP", strip)
        assert decoding.rgb(image).tobytes() == whole.tobytes()

"""What an uploaded archive may be, and every way in which it may not."""

import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from konan.errors import BodyTooLarge, KonanError, MediaTypeUnsupported, ModelFileInvalid
from konan.packaging import archive
from konan.packaging.entries import Limits, member_fault
from konan.records.upload import MANIFEST_NAME, Table, UploadManifest

MODEL, DATA = "model/model.joblib", "data/data.csv"
LISTED, END = b"PK\x01\x02", b"PK\x05\x06"
MANIFEST = UploadManifest(flavor="sklearn", model=(MODEL,), data=Table(path=DATA, format="csv"))


def zipped(entries: list[tuple[zipfile.ZipInfo | str, bytes]], *, method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in entries:
            file.writestr(name, content)
    return buffer.getvalue()


def manifest_of(*names: str) -> bytes:
    return msgspec.json.encode(UploadManifest(flavor="sklearn", model=names))


def good(*, method: int = zipfile.ZIP_STORED) -> bytes:
    entries: list[tuple[zipfile.ZipInfo | str, bytes]] = [
        (MANIFEST_NAME, manifest_of(MODEL)),
        (MODEL, b"abc" * 900),
    ]
    return zipped(entries, method=method)


def with_member(info: zipfile.ZipInfo | str, content: bytes = b"abc") -> bytes:
    name = info if isinstance(info, str) else info.filename
    return zipped([(MANIFEST_NAME, manifest_of(name)), (info, content)])


def read_all(path: Path, content: bytes, limits: Limits | None = None) -> dict[str, bytes]:
    path.write_bytes(content)
    with archive.read(path, limits) as opened:
        return {name: b"".join(opened.chunks(name)) for name, _ in opened.members()}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "upload.zip"


def test_what_was_written_is_read(tmp_path: Path, place: Path) -> None:
    model = tmp_path / "m"
    model.write_bytes(bytes(range(256)) * 10_000)
    archive.write(place, MANIFEST, {MODEL: model, DATA: b"a,b\n1,2\n"})
    with archive.read(place) as opened:
        assert opened.manifest == MANIFEST
        assert opened.members() == [(MODEL, 2_560_000), (DATA, 8)]
        assert b"".join(opened.chunks(MODEL)) == model.read_bytes()
        assert max(map(len, opened.chunks(MODEL))) <= 1024 * 1024
        assert opened.first(DATA) == b"a,b\n1,2\n"
        with pytest.raises(KeyError):
            opened.chunks("model/other")


def test_equal_content_makes_equal_archives(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        archive.write(tmp_path / name, MANIFEST, {MODEL: b"m", DATA: b"d"})
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_an_archive_is_never_overwritten(place: Path) -> None:
    place.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        archive.write(place, MANIFEST, {MODEL: b"m", DATA: b"d"})
    assert place.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("manifest", "members"),
    [
        (MANIFEST, {MODEL: b"m"}),
        (MANIFEST, {MODEL: b"m", DATA: b"d", "model/more": b"x"}),
        (UploadManifest(flavor="sklearn", model=()), {}),
        (UploadManifest(flavor="sklearn", model=("data/m",)), {"data/m": b""}),
        (UploadManifest(flavor="sklearn", model=("model/a", "model/A")), {"model/a": b"", "model/A": b""}),
        (UploadManifest(flavor="sklearn", model=(MODEL,), expected="model/e"), {MODEL: b"", "model/e": b""}),
    ],
)
def test_a_wrong_manifest_is_not_written(
    place: Path, manifest: UploadManifest, members: dict[str, Path | bytes]
) -> None:
    with pytest.raises(ModelFileInvalid):
        archive.write(place, manifest, members)
    assert not place.exists()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_both_methods_are_read(place: Path, method: int) -> None:
    assert read_all(place, good(method=method)) == {MODEL: b"abc" * 900}


def test_a_large_deflated_member_is_read_in_pieces(place: Path) -> None:
    content = b"".join(b"%d," % number for number in range(600_000))
    made = zipped([(MANIFEST_NAME, manifest_of(MODEL)), (MODEL, content)], method=zipfile.ZIP_DEFLATED)
    assert read_all(place, made) == {MODEL: content}


SLIPS = [
    "../../x",
    "model/../../etc/passwd",
    "/etc/passwd",
    "C:\\x",
    "C:/x",
    "..\\..\\x",
    "model\\x",
    "model/a\\b",
    "model//x",
    "model/./x",
    "model/.hidden",
    "model/",
    "model",
    "other/x",
    "model/a/b/c/d/e",
    "model/x y",
    "model/x:stream",
    "model/x\n",
    "model/" + "x" * 300,
    "model/\u00e9",
    "model/\u202egpj.exe",
]


@pytest.mark.parametrize("name", SLIPS)
def test_a_slipping_name_is_refused(place: Path, name: str) -> None:
    with pytest.raises(ModelFileInvalid):
        read_all(place, with_member(name))


def test_the_refused_member_is_named(place: Path) -> None:
    with pytest.raises(ModelFileInvalid, match=r"member '\.\./\.\./x' is refused"):
        read_all(place, with_member("../../x"))


def test_a_name_with_nul_is_refused_and_not_cut(place: Path) -> None:
    made = with_member("model/aXb").replace(b"model/aXb", b"model/a\0b")
    with pytest.raises(ModelFileInvalid):
        read_all(place, made)


@given(st.text(max_size=40) | st.from_regex(r"(model|data|\.\.)?(/[A-Za-z.\\:]{0,4}){0,6}", fullmatch=True))
@example("model/model.joblib")
def test_an_accepted_name_stays_below_its_folder(name: str) -> None:
    if member_fault(name):
        return
    base = Path("/base")
    joined = Path(f"{base}/{name}")
    assert joined.resolve().is_relative_to(base)
    assert name.isascii()
    assert name.partition("/")[0] in {"model", "data"}
    assert not {"", ".", ".."} & set(name.split("/"))
    assert not set(name) & set("\\:\0\n")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_our_own_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "upload.zip"
    with pytest.raises((ModelFileInvalid, MediaTypeUnsupported)):
        read_all(path, content)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_flipped_byte_goes_unnoticed(
    tmp_path_factory: pytest.TempPathFactory, place: int, flip: int
) -> None:
    content = bytearray(good(method=zipfile.ZIP_DEFLATED))
    content[place % len(content)] ^= flip
    path = tmp_path_factory.mktemp("flip") / "upload.zip"
    try:
        members = read_all(path, bytes(content))
    except KonanError:
        return
    # dates and versions needed are not used; all else must be as it was
    assert members == {MODEL: b"abc" * 900}


def special(mode: int, *, system: int = 3, attributes: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(MODEL)
    info.create_system = system
    info.external_attr = (mode << 16) | attributes
    return info


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK]
)
def test_only_regular_files_are_members(place: Path, kind: int) -> None:
    with pytest.raises(ModelFileInvalid, match="not a regular file"):
        read_all(place, with_member(special(kind | 0o777), b"/etc/passwd"))


def test_a_directory_by_its_attribute_is_refused(place: Path) -> None:
    with pytest.raises(ModelFileInvalid, match="not a regular file"):
        read_all(place, with_member(special(0, system=0, attributes=0x10)))


def test_a_symlink_and_a_file_through_it_are_refused(place: Path) -> None:
    link = special(stat.S_IFLNK | 0o777)
    link.filename = "model/link"
    entries: list[tuple[zipfile.ZipInfo | str, bytes]] = [
        (MANIFEST_NAME, manifest_of("model/link", "model/link/passwd")),
        (link, b"/etc"),
        ("model/link/passwd", b"root"),
    ]
    with pytest.raises(ModelFileInvalid, match="model/link"):
        read_all(place, zipped(entries))


def test_names_that_differ_only_in_case_are_refused(place: Path) -> None:
    entries: list[tuple[zipfile.ZipInfo | str, bytes]] = [
        (MANIFEST_NAME, manifest_of("model/a", "model/A")),
        ("model/a", b"1"),
        ("model/A", b"2"),
    ]
    with pytest.raises(ModelFileInvalid, match="occurs twice"):
        read_all(place, zipped(entries))


def test_a_bomb_is_refused_before_it_is_unpacked(place: Path) -> None:
    made = zipped(
        [(MANIFEST_NAME, manifest_of(MODEL)), (MODEL, bytes(50 * 1024 * 1024))], method=zipfile.ZIP_DEFLATED
    )
    assert len(made) < 60_000
    with pytest.raises(BodyTooLarge, match="grows more than 100 times"):
        read_all(place, made)


def test_a_bomb_that_lies_about_its_size_stops_at_what_it_declared(place: Path) -> None:
    made = bytearray(
        zipped([(MANIFEST_NAME, manifest_of(MODEL)), (MODEL, bytes(5_000_000))], method=zipfile.ZIP_DEFLATED)
    )
    made = bytearray(bytes(made).replace(struct.pack("<I", 5_000_000), struct.pack("<I", 4000)))
    place.write_bytes(made)
    with archive.read(place) as opened:
        pieces: list[bytes] = []
        with pytest.raises(ModelFileInvalid, match="more bytes than declared"):
            pieces.extend(opened.chunks(MODEL))
        assert sum(map(len, pieces)) <= 4000


def test_many_small_bombs_count_together(place: Path) -> None:
    names = [f"model/{number}" for number in range(20)]
    entries: list[tuple[zipfile.ZipInfo | str, bytes]] = [(MANIFEST_NAME, manifest_of(*names))]
    entries += [(name, bytes(100_000)) for name in names]
    with pytest.raises(BodyTooLarge):
        read_all(place, zipped(entries, method=zipfile.ZIP_DEFLATED), Limits(total=1_000_000))


def test_a_million_members_are_refused_by_the_end_record_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = b"PK\x03\x04" + bytes(26)
    listed = struct.pack("<4s42x", LISTED) * 1_000_000
    sizes: list[int] = []
    real = os.pread

    def counting(descriptor: int, size: int, at: int) -> bytes:
        sizes.append(size)
        return real(descriptor, size, at)

    monkeypatch.setattr(os, "pread", counting)
    for count in (0xFFFF, 60_000, 1_000_000 % 65_536, 1500):
        end = struct.pack("<4sHHHHIIH", END, 0, 0, count, count, len(listed), len(head), 0)
        with pytest.raises((BodyTooLarge, ModelFileInvalid)):
            read_all(place, head + listed + end)
    assert sum(sizes) < 1000


def test_members_are_counted(place: Path) -> None:
    names = [f"model/{number}" for number in range(11)]
    entries: list[tuple[zipfile.ZipInfo | str, bytes]] = [(MANIFEST_NAME, manifest_of(*names))]
    entries += [(name, b"") for name in names]
    assert len(read_all(place, zipped(entries), Limits(members=11))) == 11
    with pytest.raises(BodyTooLarge):
        read_all(place, zipped(entries), Limits(members=10))


def test_the_archive_itself_is_measured(place: Path) -> None:
    with pytest.raises(BodyTooLarge):
        read_all(place, good(), Limits(total=100))


def patched(content: bytes, magic: bytes, offset: int, value: bytes) -> bytes:
    """The last header of a kind, with some of its bytes changed."""
    begin = content.rindex(magic) + offset
    return content[:begin] + value + content[begin + len(value) :]


def both(content: bytes, listed: int, entry: int, value: bytes) -> bytes:
    """The last member's two headers, both with the same bytes changed."""
    return patched(patched(content, LISTED, listed, value), b"PK\x03\x04", entry, value)


def overlapping() -> bytes:
    """Two members whose entries are one and the same bytes."""
    content = zipped([(MANIFEST_NAME, manifest_of("model/a", "model/b")), ("model/a", b"abc")])
    second = content[content.rindex(LISTED) : content.rindex(END)].replace(b"model/a", b"model/b")
    end = content.rindex(END)
    made = content[:end] + second + content[end:]
    size = made.rindex(END) - made.index(LISTED)
    return patched(made, END, 8, struct.pack("<HHI", 3, 3, size))


def gap() -> bytes:
    """Bytes that belong to no member, in front of the directory."""
    content = good()
    begin = content.index(LISTED)
    return patched(content[:begin] + b"hidden" + content[begin:], END, 16, struct.pack("<I", begin + 6))


DAMAGES: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "empty zip": lambda: zipped([]),
    "leading data": lambda: b"#!/bin/sh\n" + good(),
    "leading entry": lambda: good()[:40] + good(),
    "trailing data": lambda: good() + b"x",
    "comment": lambda: patched(good(), END, 20, b"\x01\x00") + b"x",
    "two end records": lambda: good() + good()[good().rindex(END) :],
    "truncated": lambda: good()[:-30],
    "no end": lambda: good()[: good().rindex(END)],
    "overlapping": overlapping,
    "gap": gap,
    "encrypted": lambda: both(good(), 8, 6, b"\x01\x00"),
    "streamed": lambda: both(good(), 8, 6, b"\x08\x00"),
    "method": lambda: both(good(), 10, 8, b"\x63\x00"),
    "size": lambda: both(good(method=8), 24, 22, struct.pack("<I", 2699)),
    "stored size": lambda: both(good(), 24, 22, struct.pack("<I", 2699)),
    "crc": lambda: both(good(), 16, 14, bytes(4)),
    "flags differ": lambda: patched(good(), LISTED, 8, b"\x02\x00"),
    "method differs": lambda: patched(good(), LISTED, 10, b"\x08\x00"),
    "size differs": lambda: patched(good(method=8), LISTED, 24, struct.pack("<I", 9)),
    "name differs": lambda: patched(good(), LISTED, 46, b"model/m0del"),
    "offset": lambda: patched(good(), LISTED, 42, struct.pack("<I", 1)),
    "disk": lambda: patched(good(), LISTED, 34, b"\x01\x00"),
    "zip64 sizes": lambda: both(good(), 24, 22, b"\xff\xff\xff\xff"),
    "zip64 count": lambda: patched(good(), END, 8, b"\xff\xff\xff\xff"),
    "zip64 offset": lambda: patched(good(), END, 16, b"\xff\xff\xff\xff"),
    "counts differ": lambda: patched(good(), END, 8, b"\x01\x00"),
    "fewer listed": lambda: patched(good(), END, 8, b"\x01\x00\x01\x00"),
    "more listed": lambda: patched(good(), END, 8, b"\x03\x00\x03\x00"),
    "damaged deflate": lambda: good(method=8).replace(
        zlib.compress(b"abc" * 900, wbits=-15)[:4], b"\xff\xff\xff\xff"
    ),
    "bzip2": lambda: good(method=zipfile.ZIP_BZIP2),
    "lzma": lambda: good(method=zipfile.ZIP_LZMA),
    "no manifest": lambda: zipped([(MODEL, b"abc")]),
    "manifest second": lambda: zipped([(MODEL, b"abc"), (MANIFEST_NAME, manifest_of(MODEL))]),
    "two manifests": lambda: zipped(
        [(MANIFEST_NAME, manifest_of(MODEL)), (MANIFEST_NAME.upper(), b""), (MODEL, b"")]
    ),
    "missing member": lambda: zipped([(MANIFEST_NAME, manifest_of(MODEL, "model/b")), (MODEL, b"abc")]),
    "unnamed member": lambda: zipped(
        [(MANIFEST_NAME, manifest_of(MODEL)), (MODEL, b"abc"), ("model/b", b"")]
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_every_other_shape_is_refused(place: Path, damage: str) -> None:
    with pytest.raises((ModelFileInvalid, MediaTypeUnsupported, BodyTooLarge)):
        read_all(place, DAMAGES[damage]())


def test_an_extra_field_is_refused(place: Path) -> None:
    info = zipfile.ZipInfo(MODEL)
    info.extra = struct.pack("<HHB", 0x7075, 1, 1)
    with pytest.raises(ModelFileInvalid, match="extra fields"):
        read_all(place, with_member(info))


def test_a_streamed_zip64_entry_is_refused(place: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(MANIFEST_NAME, manifest_of(MODEL))
        with file.open(MODEL, "w", force_zip64=True) as sink:
            sink.write(b"abc")
    with pytest.raises(ModelFileInvalid):
        read_all(place, buffer.getvalue())


@pytest.mark.parametrize(
    "content", [b"ustar" + bytes(600), b"\x1f\x8b\x08" + bytes(50), b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07"]
)
def test_other_archives_are_another_media_type(place: Path, content: bytes) -> None:
    with pytest.raises(MediaTypeUnsupported):
        read_all(place, content)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"flavor":"sklearn"}',
        b'{"flavor":"sklearn","model":["model/model.joblib"],"source":"file:///etc"}',
        b'{"flavor":"sklearn","model":["../x"]}',
        b'{"flavor":"sklearn","model":["model/model.joblib"],"rollout":"now"}',
        b'{"flavor":"sklearn","model":["model/model.joblib"],"provenance":' + b'{"a":' * 100_000,
    ],
)
def test_a_wrong_manifest_is_refused(place: Path, text: bytes) -> None:
    with pytest.raises(ModelFileInvalid):
        read_all(place, zipped([(MANIFEST_NAME, text), (MODEL, b"abc")]))


def test_a_huge_manifest_is_refused(place: Path) -> None:
    with pytest.raises(BodyTooLarge):
        read_all(place, zipped([(MANIFEST_NAME, b" " * 2_000_000), (MODEL, b"abc")]))


def test_a_link_in_place_of_the_archive_is_not_followed(tmp_path: Path) -> None:
    real = tmp_path / "real.zip"
    real.write_bytes(good())
    (tmp_path / "link.zip").symlink_to(real)
    with pytest.raises(OSError, match="symbolic"):
        archive.read(tmp_path / "link.zip")

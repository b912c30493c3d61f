"""A WFDB record in a zip file, as a browser uploads it. The file is not trusted."""

import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from inference.files.record import FileError, FileRecord, listed, quoted
from inference.files.wfdb_record import read_wfdb

MAX_MEMBERS = 200
MAX_BYTES = 1 << 30
# 12 leads at 1000 Hz for 4.6 h, or one lead at 250 Hz for more than a week.
MAX_VALUES = 200_000_000
_ARCHIVES = {".zip", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz"}
_COPY = 1 << 20


def read_wfdb_zip(
    file: IO[bytes], *, max_bytes: int = MAX_BYTES, max_values: int = MAX_VALUES
) -> FileRecord:
    """Read the one WFDB record of a zip file.

    Members are written into a temporary folder under their bare names, never outside
    it, and not more than ``max_bytes`` whatever the zip file says of its own size.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        message = f"This is no zip file that can be opened: {error}."
        raise FileError(message) from error
    with archive, tempfile.TemporaryDirectory(prefix="telecardio-") as folder:
        members = _members(archive)
        headers = [name for name in members if name.endswith(".hea")]
        if len(headers) != 1:
            message = (
                f"found {len(headers)} header files (.hea)"
                + (f": {listed(sorted(headers))}" if headers else "")
                + ". Put exactly one record into the zip file."
            )
            raise FileError(message[0].upper() + message[1:])
        left = max_bytes
        for name, info in members.items():
            left -= _extract(archive, info, Path(folder) / name, limit=left)
        return read_wfdb(Path(folder) / headers[0][:-4], max_values=max_values)


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files by bare name; refuse what no honest record needs."""
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        message = (
            f"The zip file has {len(infos):,} members; at most {MAX_MEMBERS} are read."
        )
        raise FileError(message)
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        _check_member(info, path)
        # Finder and Explorer add folders and hidden files of their own.
        if info.is_dir() or path.name.startswith(".") or "__MACOSX" in path.parts:
            continue
        if path.name in members:
            message = f"The zip file has two files named {quoted(path.name)}."
            raise FileError(message)
        members[path.name] = info
    return members


def _check_member(info: zipfile.ZipInfo, path: PurePosixPath) -> None:
    name = quoted(info.filename)
    if path.is_absolute() or ".." in path.parts or ":" in info.filename:
        message = f"The zip file names {name}, which leads out of its folder."
        raise FileError(message)
    mode = info.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        message = f"{name} in the zip file is a link, not a file."
        raise FileError(message)
    if info.flag_bits & 1:
        message = f"{name} is encrypted. Upload a zip file without a password."
        raise FileError(message)
    if path.suffix.lower() in _ARCHIVES:
        message = f"The zip file holds another archive, {name}. Unpack that first."
        raise FileError(message)


def _extract(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, *, limit: int
) -> int:
    """Write one member and return its size; stop as soon as it passes ``limit``."""
    size = 0
    try:
        with archive.open(info) as source, target.open("wb") as copy:
            while data := source.read(_COPY):
                size += len(data)
                if size > limit:
                    message = (
                        "The files in the zip file are too large when unpacked. "
                        "Upload a shorter recording."
                    )
                    raise FileError(message)
                copy.write(data)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
    ) as error:
        message = f"{quoted(info.filename)} in the zip file is damaged: {error}."
        raise FileError(message) from error
    return size

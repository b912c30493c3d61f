"""CSV files: columns are leads in mV or adu, the first one may be ``time_s``."""

import codecs
import io
from collections.abc import Iterator, Sequence
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from inference.files.csv_header import TIME, read_table
from inference.files.csv_rows import Table, parse_block
from inference.files.csv_time import TimeColumn, counts_up
from inference.files.record import FileError, FileRecord, whole_fs

Unit = Literal["mV", "adu"]
# Millivolts are stored as whole microvolts, which leaves room for ±32 mV.
MV_GAIN = 1000.0
_BLOCK_CHARACTERS = 1 << 22
_LONGEST_ROW = 1 << 14
_LARGEST = int(np.iinfo(np.int16).max)


def read_csv(
    file: IO[bytes],
    *,
    name: str = "",
    fs: float | None = None,
    unit: Unit = "mV",
    gain: float | None = None,
    leads: Sequence[str] | None = None,
) -> FileRecord:
    """Read a CSV file; raise ``FileError`` that names the row of the first mistake.

    ``fs`` in Hz is needed without a column ``time_s``; ``gain`` in adu per mV is
    needed for ``unit`` adu. A header is optional, and ``leads`` replace its names.
    Rows are read in blocks, so a day of signal needs little more memory than its
    int16 samples.
    """
    scale = _checked_gain(unit, gain)
    if fs is not None:
        whole_fs(fs, source="fs")
    table: Table | None = None
    times = TimeColumn()
    parts: list[NDArray[np.int16]] = []
    for row, text in _blocks(file):
        if table is None:
            line, _, rest = text.partition("\n")
            table, is_header = read_table(line, row=row, leads=leads)
            timed = table.columns[0] == TIME
            if not timed and fs is None:
                message = (
                    f"there is no column {TIME} and no fs. Give the sampling "
                    f"frequency, or a first column named {TIME}."
                )
                raise FileError(message, row=row)
            if is_header:
                row, text = row + 1, rest
                if not text:
                    continue
            _check_axis(text, table=table, row=row, named=is_header)
        values = parse_block(text, table=table, first_row=row)
        if timed:
            times.add(values[:, 0], first_row=row)
            values = values[:, 1:]
        columns = table.columns[timed:]
        parts.append(
            _to_adu(values, scale, unit, row=row, columns=columns, first=1 + timed)
        )
    if table is None or not parts:
        raise FileError("The file holds no samples.")
    return FileRecord(
        name=name,
        fs=times.fs(given=fs) if timed else whole_fs(fs or 0, source="fs"),
        leads=table.columns[timed:],
        gain=scale,
        baseline=0,
        samples=np.concatenate(parts),
    )


def _checked_gain(unit: Unit, gain: float | None) -> float:
    if unit == "mV":
        if gain is not None:
            raise FileError("A gain belongs to unit adu; leave it out for mV.")
        return MV_GAIN
    if gain is None:
        raise FileError("Unit adu needs the gain, in adu per mV.")
    if not np.isfinite(gain) or gain <= 0:
        raise FileError(f"The gain is {gain:g}; it must be above 0 adu per mV.")
    return gain


def _blocks(file: IO[bytes]) -> Iterator[tuple[int, str]]:
    """Yield whole lines with the 1-based number of the first one.

    Blank lines before the first row and after the last one are left out.
    """
    start = file.read(4)
    file.seek(0)
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if wide else "utf-8-sig"
    # Universal newlines; a byte that is no UTF-8 shows up as a strange character in
    # the error message of its row.
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline=None)
    row, rest, held = 1, "", ""
    try:
        while True:
            data = text.read(_BLOCK_CHARACTERS)
            lines, newline, rest = (rest + data).rpartition("\n")
            lines += newline
            if not data:
                lines, rest = lines + rest, ""
            if len(rest) > _LONGEST_ROW:
                place = row + held.count("\n") + lines.count("\n")
                message = f"longer than {_LONGEST_ROW} characters. Is it a CSV file?"
                raise FileError(message, row=place)
            lines = held + lines
            if row == 1:
                stripped = lines.lstrip("\n")
                row += len(lines) - len(stripped)
                lines = stripped
            # Blank lines at the end of a block belong to the next one, where they
            # are either an error or the end of the file.
            body = lines.rstrip()
            held = lines[len(body) :].partition("\n")[2]
            if body:
                yield row, body + "\n"
                row += body.count("\n") + 1
            if not data:
                return
    finally:
        text.detach()


def _check_axis(text: str, *, table: Table, row: int, named: bool) -> None:
    """Refuse a time column without a name: it would be analysed as a lead."""
    if named or len(table.columns) == 1:
        return
    head = "\n".join(text.split("\n", 1000)[:1000])
    values = parse_block(head + "\n" * (head[-1:] != "\n"), table=table, first_row=row)
    if counts_up(values[:, 0]):
        message = (
            "this column counts up like a time or an index. Add a header with "
            f"{TIME} for it, or remove it."
        )
        raise FileError(message, row=row, column="1")


def _to_adu(
    values: NDArray[np.float64],
    gain: float,
    unit: Unit,
    *,
    row: int,
    columns: tuple[str, ...],
    first: int,
) -> NDArray[np.int16]:
    adu = np.rint(values * gain) if unit == "mV" else values
    bad = np.abs(adu) > _LARGEST
    if unit == "adu":
        bad |= np.rint(adu) != adu
    if bad.any():
        at, column = np.unravel_index(int(np.argmax(bad)), bad.shape)
        found = f"{values[at, column]:.10g}"
        message = _too_large(found) if unit == "mV" else _no_adu(found)
        place = f"{first + int(column)} ({columns[int(column)]})"
        raise FileError(message, row=row + int(at), column=place)
    return adu.astype(np.int16)


def _too_large(found: str) -> str:
    limit = f"{_LARGEST / MV_GAIN:g}"
    return (
        f"found {found} mV; the heart gives a few mV, and ±{limit} is the limit. "
        "Are these ADC units? Then choose unit adu and give the gain."
    )


def _no_adu(found: str) -> str:
    return (
        f"found {found}; ADC units are whole numbers from -{_LARGEST} to {_LARGEST}. "
        "Are these millivolts? Then choose unit mV."
    )

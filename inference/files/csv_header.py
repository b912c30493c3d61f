"""The first rows of a CSV file: separator, header, number of columns."""

from collections.abc import Sequence

from inference.files.csv_rows import Table, looks_like_a_value, separator_of
from inference.files.record import MAX_LEADS, FileError, lead_names, quoted

TIME = "time_s"
# Names of a first column that is no lead, but not the time in seconds either.
_OTHER_AXES = {
    *("time", "t", "times", "timestamp", "datetime", "date", "seconds", "sec", "s"),
    *("ms", "time_ms", "elapsed", "elapsed time", "time (s)", "time [s]", "time(s)"),
    *("sample", "samples", "sample #", "index", "idx", "n", "nr", "row", "#"),
}


def read_table(
    line: str, *, row: int, leads: Sequence[str] | None
) -> tuple[Table, bool]:
    """Return the table that starts with ``line``, and whether that is a header.

    ``leads`` are names given by the user; they replace those of the header.
    """
    bare = Table(separator=separator_of(line), columns=())
    fields = bare.split(line)
    numbers = [bare.is_number(field) for field in fields]
    timed = fields[0].casefold() == TIME
    is_header = timed or not (
        any(numbers) or all(looks_like_a_value(field) for field in fields)
    )
    if is_header:
        _check_header(fields, row=row)
    names = fields[1:] if timed else fields
    if len(names) > MAX_LEADS:
        message = f"found {len(names)} leads; at most {MAX_LEADS} can be read."
        raise FileError(message, row=row)
    if leads and len(leads) != len(names):
        message = (
            f"found {len(names)} leads, but {len(leads)} lead names were given: "
            f"{', '.join(leads)}. Name every lead once."
        )
        raise FileError(message, row=row)
    known = lead_names(leads or (names if is_header else [None] * len(names)))
    columns = (TIME, *known) if timed else known
    return Table(separator=bare.separator, columns=columns), is_header


def _check_header(fields: list[str], *, row: int) -> None:
    if fields[0].casefold() in _OTHER_AXES:
        message = (
            f"found {quoted(fields[0])}. Call the first column {TIME} and write "
            "seconds into it, or remove it and give fs."
        )
        raise FileError(message, row=row, column="1")
    folded = [field.casefold() for field in fields]
    if TIME in folded[1:]:
        message = f"found {TIME} behind the first column. Move it to the front."
        raise FileError(message, row=row, column=str(folded.index(TIME, 1) + 1))
    if folded == [TIME]:
        message = f"found {TIME} and no lead. Add a column with the samples."
        raise FileError(message, row=row)
    for number, name in enumerate(folded, start=1):
        if name and name in folded[: number - 1]:
            message = f"found the name {quoted(fields[number - 1])} twice."
            raise FileError(message, row=row, column=str(number))

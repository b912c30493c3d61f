"""``manage.py verify`` finds every kind of damage, and nothing where there is none."""

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from devices.models import Chunk, Record, Segment
from devices.segment_files import new_key, read_segment, segment_store, write_segment
from devices.segment_objects import StoreAway
from devices.services import remove_loose_files, verifying
from devices.services.verifying import unknown_files, verify_record
from tests.storage.conftest import Store, compact, packet

pytestmark = pytest.mark.django_db


@pytest.fixture
def record(store: Store) -> Record:
    """Return a record of three segments and some packets that are none yet."""
    store([packet(seq) for seq in range(520) if seq % 200])
    record = Record.objects.get()
    assert compact(record) == 3
    assert Chunk.objects.exists()
    record.refresh_from_db()
    return record


def verify(*arguments: str) -> str:
    """Run the command; return what it said."""
    out = io.StringIO()
    call_command("verify", "--no-progress", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_it_says_that_all_is_well(record: Record) -> None:
    assert verify_record(record.pk).damage == []
    said = verify()
    assert (
        f"All is well: 1 records, {record.sample_count} samples in 3 segments" in said
    )
    assert verify("--record", str(record.pk)).startswith("All is well")
    with pytest.raises(CommandError, match="no record 0"):
        verify("--record", "0")


def _path(segment: Segment) -> Path:
    return Path(segment_store().path(segment.key))


def _flip(segment: Segment) -> None:
    data = bytearray(_path(segment).read_bytes())
    data[len(data) // 2] ^= 1
    _path(segment).write_bytes(data)


def _another(segment: Segment) -> None:
    other = Segment.objects.exclude(pk=segment.pk).first()
    _path(segment).write_bytes(read_segment(other.key))


def _set(**fields: object) -> Callable[[Segment], object]:
    return lambda segment: Segment.objects.filter(pk=segment.pk).update(**fields)


def _hot(**fields: object) -> Callable[[Segment], object]:
    def change(_: Segment) -> None:
        pk = Chunk.objects.order_by("-seq").first().pk
        Chunk.objects.filter(pk=pk).update(**fields)

    return change


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_flip, "SHA-256"),
        (_another, "another segment"),
        (lambda one: _path(one).unlink(), "its file is missing"),
        (lambda one: _path(one).write_bytes(b""), "too few"),
        (_set(start_sample=7), "bounds"),
        (_set(last_seq=7), "seqs"),
        (_set(chunk_count=7), "counts"),
        (_set(size=7), "size"),
        (_set(places=b"x"), "in its row"),
        (_set(received_at=timezone.now()), "arrival"),
        (_set(span_sample=-30_000), "another span"),
        (lambda one: one.delete(), "are there"),
        (_hot(data=b"\0" * 800), "CRC"),
        (_hot(data=b"\0" * 8, crc=1696784233), "as long as it says"),
        (_hot(seq=3), "stored twice"),
        (_hot(first_sample=5), "overlaps"),
        (lambda _: Record.objects.update(next_seq=900), "last packet"),
        (lambda _: Record.objects.update(end_sample=9), "ends at sample"),
        (lambda _: Record.objects.update(sample_count=9), "samples were stored"),
        (lambda _: Record.objects.update(gain=1.0), "another record"),
    ],
)
def test_it_finds_damage(
    record: Record, damage: Callable[[Segment], object], says: str
) -> None:
    damage(Segment.objects.get(span_sample=30_000))
    assert says in "\n".join(verify_record(record.pk).damage)
    with pytest.raises(CommandError, match="DAMAGED: 1 of 1 records"):
        verify()


def test_it_finds_bins_that_are_not_those_of_the_signal(record: Record) -> None:
    first, second = Segment.objects.order_by("span_sample")[:2]
    _set(coarse=first.coarse, overview=first.overview)(second)
    found = "\n".join(verify_record(record.pk).damage)
    assert "bins of 512 samples" in found
    assert "bins of 8192 samples" in found


def test_it_says_which_file_cannot_be_read_and_goes_on(record: Record) -> None:
    path = _path(Segment.objects.get(span_sample=30_000))
    path.unlink()
    path.mkdir()
    said = io.StringIO()
    with pytest.raises(CommandError, match="DAMAGED: 1 of 1 records"):
        call_command("verify", "--no-progress", stdout=said, stderr=said)
    assert said.getvalue().count("its file cannot be read") == 1


def test_it_says_nothing_of_segments_while_their_store_is_away(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_away(key: str) -> bytes:
        raise StoreAway("The store of segments does not answer.")

    monkeypatch.setattr(verifying, "read_segment", be_away)
    with pytest.raises(CommandError, match="does not answer. Try again"):
        verify()


def test_it_tells_and_removes_files_that_no_row_names(record: Record) -> None:
    key, now = new_key(timezone.now()), timezone.now()
    write_segment(key, b"left over")
    assert key in list(unknown_files())
    assert "--remove-unknown removes them" in verify()
    assert "removed in 7 days" in verify("--remove-unknown")
    assert key not in list(unknown_files())
    remove_loose_files(now=now + timedelta(days=6))
    assert read_segment(key)
    remove_loose_files(now=now + timedelta(days=8))
    with pytest.raises(FileNotFoundError):
        read_segment(key)
    assert verify_record(record.pk).damage == []


def test_it_removes_nothing_while_anything_is_damaged(record: Record) -> None:
    one = Segment.objects.first()
    Segment.objects.filter(pk=one.pk).delete()
    said = io.StringIO()
    with pytest.raises(CommandError, match="DAMAGED"):
        call_command(
            "verify", "--no-progress", "--remove-unknown", stdout=said, stderr=said
        )
    assert "they stay while anything is damaged" in said.getvalue()
    assert one.key in list(unknown_files())

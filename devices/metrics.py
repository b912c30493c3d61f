"""What is counted of uploads, in this process (see ``telecardio.operations``)."""

from prometheus_client import Counter, Histogram

PACKETS = Counter(
    "telecardio_packets",
    "Packets by verdict; the reason says why one is invalid.",
    ["result", "reason"],
)
UPLOADS = Counter(
    "telecardio_uploads",
    "Requests to the packets address by status and code of the problem.",
    ["status", "code"],
)
UPLOAD_SECONDS = Histogram(
    "telecardio_upload_seconds",
    "From the receipt of an upload to its answer.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
LIVE_DROPPED = Counter(
    "telecardio_live_entries_dropped",
    "Entries that never entered a live stream, because Redis did not keep up.",
)
DAMAGED_READS = Counter(
    "telecardio_damaged_reads",
    "Segments that somebody asked for and that could not be read.",
)
SERVER_AWAY = Counter(
    "telecardio_server_away",
    "Answers that PostgreSQL or Redis owed and did not give.",
    ["server"],
)
for _server in ("postgresql", "redis"):
    SERVER_AWAY.labels(_server)

"""What is counted of the live view, in this process."""

from prometheus_client import Counter, Gauge

FRAMES_SENT = Counter(
    "telecardio_live_frames_sent", "Frames and states sent to viewers."
)
FRAMES_DROPPED = Counter(
    "telecardio_live_frames_dropped",
    "Entries that a slow viewer lost and had to read again.",
)
VIEWERS = Gauge("telecardio_live_viewers", "Open sockets of signed-in viewers.")

"""What is counted of analysis, alarms and mail, in this process."""

from prometheus_client import Counter, Histogram

LABEL_SECONDS = Histogram(
    "telecardio_label_seconds",
    "From the arrival of a live record's newest packet to the commit of its labels.",
    buckets=(0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 10, 20, 30, 60, 120),
)
ANALYSED_SECONDS = Counter(
    "telecardio_analysed_seconds",
    "Seconds of signal that were analysed and kept, by queue.",
    ["queue"],
)
ALARMS = Counter(
    "telecardio_alarms_raised",
    "Alarms by rule and priority when raised; late ones are for review.",
    ["rule", "priority", "late"],
)
MAILS = Counter(
    "telecardio_mails",
    "Mails by what came of a try: sent, retried, failed for good.",
    ["result"],
)
for _result in ("sent", "retried", "failed"):
    MAILS.labels(_result)

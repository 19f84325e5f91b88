"""What is counted, for Prometheus. Every process of a host counts for itself; `/metrics` adds them up."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_DECISIONS = Histogram(
    "callctl_decision_seconds",
    "From the call's arrival to its decision.",
    ["outcome"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
decided = {name: _DECISIONS.labels(name) for name in ("bridge", "conference", "service", "reject")}
refused = Counter("callctl_refused_total", "Calls refused, by reason.", ["reason"])
ended = Counter("callctl_ended_total", "Calls whose end was heard, by hang-up cause.", ["cause"])
calls_held = Gauge("callctl_sockets", "Calls whose socket is held.", multiprocess_mode="livesum")
live_calls = Gauge("callctl_live_calls", "Calls up, by node.", ["node"], multiprocess_mode="livemostrecent")
carrier_tries = Counter(
    "callctl_carrier_tries_total", "Tries at carriers that ended, by outcome.", ["carrier", "outcome"]
)
carrier_calls = Gauge(
    "callctl_carrier_calls",
    "Calls up that hold a place at a carrier with limits, by node.",
    ["carrier", "node"],
    multiprocess_mode="livemostrecent",
)
node_up = Gauge("callctl_node_up", "Whether a node's feed is up.", ["node"], multiprocess_mode="livemostrecent")
redis_up = Gauge("callctl_redis_up", "Whether Redis answers.", multiprocess_mode="livemin")
mysql_up = Gauge("callctl_mysql_up", "Whether MySQL takes records.", multiprocess_mode="livemostrecent")
spool_records = Gauge("callctl_spool_records", "Records waiting for MySQL.", multiprocess_mode="livemostrecent")
spool_rejected = Gauge("callctl_spool_rejected", "Records MySQL would not take.", multiprocess_mode="livemostrecent")
live_writes_dropped = Counter("callctl_live_writes_dropped_total", "Live events dropped while Redis was away.")

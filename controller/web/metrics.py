"""Counters for ``/metrics``: how much happened, never who."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from controller.status import Feed
from controller.table import State


class Metrics:
    """Prometheus' view of one controller: what the status says, and how many pages went out."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._registry = CollectorRegistry()
        self.warnings = Counter(
            "quench_warnings_served", "Warning pages served", ["lang"], registry=self._registry
        )
        self._registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Called by the registry at each scrape."""
        status = self._feed.status
        state = GaugeMetricFamily("quench_state", "1 for the current state", labels=["state"])
        for each in State:
            state.add_metric([each.value], float(each is status.state))
        left = GaugeMetricFamily(
            "quench_drinks_remaining", "Drinks left in a slot", labels=["slot"]
        )
        for slot in status.slots:
            left.add_metric([slot.name], slot.remaining)
        dispenses = CounterMetricFamily(
            "quench_dispenses", "Dispenses since the start, by outcome", labels=["outcome"]
        )
        for outcome, count in status.outcomes:
            dispenses.add_metric([outcome.value], count)
        return state, left, dispenses

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)

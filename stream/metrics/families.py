"""From plain figures to what Prometheus scrapes: a table of metrics, and a collector that reads figures by it.

Figures are read when somebody scrapes, by a thread of its own: they must be copies that nobody changes any more.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from stream.distribution import Distribution

Kind = Literal["counter", "gauge", "histogram"]
Value = float | Distribution
Figures = Mapping[str, Mapping[tuple[str, ...], Value]]
"""By a metric's name: its values by those of its labels."""

BUILD = "tinylogbert_build_info"


class Described(NamedTuple):
    """A metric: its name as Prometheus stores it, what kind it is, what it says, and the names of its labels."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


class Exporter:
    """Implements prometheus-client's collector: all metrics of ``table``, with what ``read`` returns for them."""

    def __init__(self, table: Iterable[Described], read: Callable[[], Figures]) -> None:
        self._table = tuple(table)
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Names without values, so that a second collector of the same names is refused."""
        return [_family(described, {}) for described in self._table]

    def collect(self) -> Iterator[Metric]:
        """Called at every scrape."""
        figures = self._read()
        for described in self._table:
            yield _family(described, figures.get(described.name, {}))


def new_registry(*exporters: Exporter) -> CollectorRegistry:
    """A registry of its own, with these, the process's memory, time and files, Python's version and ours."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    build = Described(BUILD, "gauge", "1; the version of tinylogbert.", ("version",))
    registry.register(Exporter([build], lambda: {BUILD: {(version("tinylogbert"),): 1}}))
    for exporter in exporters:
        registry.register(exporter)
    return registry


def exposition(registry: CollectorRegistry, accept: str = "") -> tuple[bytes, str]:
    """What ``GET /metrics`` answers: body and content type, in the form that the request's ``Accept`` asks for."""
    encode, content_type = choose_encoder(understood(accept))
    return encode(registry), content_type


def understood(accept: str) -> str:
    """A header ``Accept`` that prometheus-client can read: this one, or an empty one."""
    try:
        choose_encoder(accept)
    except (TypeError, ValueError):  # it compares versions that are no numbers
        return ""
    return accept


def _family(described: Described, values: Mapping[tuple[str, ...], Value]) -> Metric:
    name, kind, text, labels = described
    if kind == "histogram":
        histogram = HistogramMetricFamily(name, text, labels=labels)
        for of, value in values.items():
            if isinstance(value, Distribution):
                histogram.add_metric(of, _buckets(value), value.total)
        return histogram
    family: CounterMetricFamily | GaugeMetricFamily
    family = (
        CounterMetricFamily(name, text, labels=labels)
        if kind == "counter"
        else GaugeMetricFamily(name, text, labels=labels)
    )
    for of, value in values.items():
        if not isinstance(value, Distribution):
            family.add_metric(of, value)
    return family


def _buckets(distribution: Distribution) -> list[tuple[str, float]]:
    """Prometheus counts upwards: each bucket holds those below it, too."""
    buckets, below = [], 0
    for bound, count in zip((*distribution.bounds, float("inf")), distribution.counts, strict=True):
        below += count
        buckets.append(("+Inf" if bound == float("inf") else str(float(bound)), float(below)))
    return buckets

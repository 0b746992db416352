"""Metrics for Prometheus: those of the daemon, read from its work loop, and those of the server.

The only place that knows prometheus-client. ``docs/metrics.md`` lists every metric.
"""

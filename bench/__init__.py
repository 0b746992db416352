"""Measurements and ordeals, each run by one command of its own; no part of what is installed."""

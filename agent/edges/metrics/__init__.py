"""Figures for a monitoring system.

Two halves. ``tally`` counts what happens, always: a few dozen integers, so that switching the endpoint on by a reload shows the day and
not the last minute. ``exposition`` writes them down together with what is so at this moment (``view``), by Prometheus' client library,
which costs memory and is imported only where a listener has ``metrics = true``.

No figure knows a sale, an order or a register's key: every label has few values, and what a payment system invents is counted as "other".
"""

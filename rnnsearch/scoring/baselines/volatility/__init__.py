"""Forecasts of volatility that need no network, one per file.

In all of them `task.prices` is the volatility of each session, `task.closes` the price it is of,
and a forecast is the log of the volatility of the next h sessions, as `targets.volatility` has it.
"""

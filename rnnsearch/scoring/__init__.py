"""How good is a forecast, and how good would doing nothing have been?

- `metrics`, `baselines`: measures, and forecasts to compare with; one file each
- `gain`, `objectives`: what a search maximises
- `inference`: could it be chance?
- `directions`, `intervals`, `volatility`: rises and falls, how sure, how much prices move
- `trading`: what it would have earned
- `sentences`, `words`: all of it as a user reads it
"""

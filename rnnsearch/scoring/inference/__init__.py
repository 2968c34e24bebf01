"""Could it be chance? The tests that stand behind every claim.

- `information`: does a forecast know anything that doing nothing does not?
- `significance`: is it more accurate; are its directions right?
- `selection`: what is the best of many trials worth?
- `together`: the same over many series
- `drift`: has a forecast become worse than doing nothing? To be looked at every day
- `skipped`: a test that did not apply, and why
"""

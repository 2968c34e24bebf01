"""Is it better than doing nothing? The champion on rows that no trial has seen.

- `evaluation`: the honest answer: the way in
- `answers`: made of the locked rows, kept, and told
- `champion`: chosen among the best trials by validation
- `refit`: trained once more on every row before the locked test
- `walk`: trained again and again on the way through the locked test, where a study asks for it
- `comparison`: beside simpler forecasts
- `trading`: its forecasts traded, on paper
- `prediction`: what it says about tomorrow
- `plain`: results as JSON
"""

"""Is it better than doing nothing? The champion on rows that no trial has seen.

- `evaluation`: the honest answer: the way in
- `answers`: made of the locked rows, kept, and told
- `standing`: why one that stands is not of what was asked for
- `champion`: chosen among the best trials by validation
- `refit`: trained once more on every row before the locked test
- `walk`: trained again and again on the way through the locked test, where a study asks for it
- `comparison`: beside simpler forecasts
- `beside`: tests beside the verdict's, corrected together
- `paths`: the answer of a path, step by step
- `pooled`: one network of many series
- `trading`: its forecasts traded, on paper
- `explanation`: how far back it looks
- `prediction`: what it says about tomorrow
- `renewal`: trained on all that is known today
- `journal`: what came true of what it said
- `plain`: results as JSON
"""

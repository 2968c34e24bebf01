"""How far back does the champion look, and why do gates help?

- `explaining`: measured on validation rows: the way in
- `words`: what came out, in the user's language
"""

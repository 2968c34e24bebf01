"""Which inputs are there to choose from, and what do the training rows say about each?

- `candidates`: the inputs that trials choose from
- `ranking`: which of them tell something, and in which order to take them
- `pursuit`: orthogonal matching pursuit over lags and pairs
"""

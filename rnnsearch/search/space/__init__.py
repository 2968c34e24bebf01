"""What may a trial be?

- `suggesting`: from the space to the parameters of one trial; the only module that suggests
- `references`: plain trials to try before sampling
- `samplers`: Optuna's samplers and pruners by their names
"""

"""One trial, where it is trained. Knows neither Optuna nor MLflow.

- `protocol`: what driver and workers say to each other, plain data
- `parameters`: what is tried
- `folds`: its rows, inputs and targets on the device
- `runner`: parameters in, epochs and an outcome out
- `refits`: a configuration or a baseline fitted on given rows, forecasts of later ones out
- `worker`: the same at the end of a pipe, in whatever process
- `importance`: how much skill is lost when an input is shuffled
- `packing`: numbers as text
"""

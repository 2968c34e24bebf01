"""Windows, networks and their training: everything between an input table and a forecast.

- `windows`, `scaling`: which rows are learnt from, and how inputs are brought to one scale
- `hyperparameters`: what a trial may set
- `networks`: stacked cells and a head
- `fold`, `training`, `optimizers`, `device`: epochs, one result each, all folds in lockstep
- `kernels`: the same on a CPU, compiled
- `forecasting`: a fitted model that takes raw prices
"""

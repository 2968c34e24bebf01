"""Which networks are there? Stacked cells and a head.

- `network`: a trial's network: the way in
- `decoder`: a head that goes on from the final state, step by step
- `attention`: a decoder whose every step looks back at the window
- `gru`: torch's GRU, faster on a CPU
- `own_cell`: a cell of the user's as a layer
"""

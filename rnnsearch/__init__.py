"""rnnsearch: search hyperparameters, inputs and date shifts of recurrent price forecasters."""

__version__ = "0.1.0"

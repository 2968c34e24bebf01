"""The version, for whoever must not import the package itself: that names `Study`."""

__version__ = "0.1.0"

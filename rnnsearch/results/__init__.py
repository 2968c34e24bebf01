"""Kept for champions registered by earlier versions: MLflow loads `rnnsearch.results.serving`."""

"""The search: what a trial is, who runs it, and the study that drives it."""

"""What is known of every trial? The one truth about a study, in Optuna's storage.

- `store`: a study's trials: the way in
- `databases`: where studies are kept: opened, locked, their errors in words
- `cached`: what this process wrote itself it need not read again
- `leases`: which drivers are alive
- `openings`: who has looked at which locked rows
- `damage`: whether a file was damaged, and where
- `records`: a trial as MLflow shall show it
"""

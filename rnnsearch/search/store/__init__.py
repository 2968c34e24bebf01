"""What is known of every trial? The one truth about a study, in Optuna's storage.

- `store`: a study and its trials: the way in
- `view`: one trial, read: the only module that knows where its facts are kept
- `asked`: a trial that this driver has asked for, until it is told
- `databases`: where studies are kept: opened, locked, their errors in words
- `cached`: what this process wrote itself it need not read again
- `leases`: which drivers are alive, and that there is one on SQLite
- `openings`: who has looked at which locked rows
- `damage`: whether a file was damaged, and where
- `records`: a trial as MLflow shall show it
"""

"""Who asks for trials, hands them out, and tells what became of them?

- `driver`: the loop
- `asking`: where trials come from
- `running`: a trial while a driver has it
- `telling`: store, MLflow and user hear of it
- `deadline`: when no more are asked for, though some are wanted
- `patience`: outlives a server that is down
- `forking`: a new study that begins with what an old one found
"""

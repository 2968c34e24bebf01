"""What does a fitted model say? Raw prices in, dated forecasts out.

- `forecaster`: the networks of one configuration and all they need: the way in
- `spec`: what a forecaster is, as JSON
- `folder`: what is on disk, written and read back whole
- `rows`: how prices become its table, its rows and their dates
- `history`: what it was trained on, to notice when a newer file tells the past differently
- `bands`: how wide an interval is on each session
- `pooled`: one network for many series, and what each has of its own
- `kept_code`: the user's own files that travel with it
"""

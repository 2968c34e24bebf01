"""What does the user see in a terminal?

- `tables`: results of a search as tables, facts and remarks
- `live`: a search as it goes
- `evaluated`: what a champion came to: the answer, trades, refits, forecasts
- `explained`: how far back it looks
- `journal`: what came true of its forecasts
- `pooled`: one network of many series
- `many`: a search for each of many series
- `compared`: values of a parameter beside each other
- `shelf`: studies beside each other
- `hints`: what to type next
"""

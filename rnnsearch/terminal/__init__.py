"""What does the user see in a terminal?

- `tables`: results as tables, facts and remarks
- `live`: a search as it goes
- `hints`: what to type next
"""

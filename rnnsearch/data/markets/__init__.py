"""When do sessions close, and which come next?

- `calendars`: closes as instants, and the sessions ahead
- `proposals`: which market a series may be of; proposed, never set
- `yahoo`: prices from Yahoo Finance as a file
"""

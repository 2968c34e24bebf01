"""What came true of the forecasts that were made for use?

- `recording`: written down when they are made
- `outcomes`: what a file of prices says came of them
- `judging`: how good they were, beside doing nothing, and whether that has become worse
- `reading`: all of it for a study: the way in
- `exporting`: as a table for other programs
"""

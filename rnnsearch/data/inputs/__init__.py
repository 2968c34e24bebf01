"""Which inputs can be made of prices? Every candidate in one table, no value of it from the future.

- `build`: every candidate input of a study: the way in
- `own`: changes and indicators of one price series
- `indicators`, `lengths`, `loops`: those of `ta`, causal and unit-free, at any length, fast
- `functions`: the user's own, tried for what they know of the future by `lookahead`
- `joins`: other markets as of the moment they were known
- `table`: the values, hashed and cached
"""

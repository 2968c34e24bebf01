"""From a price file to the table of candidate inputs: read, check, compute, cache.

- `files`: a CSV or Parquet file as columns, dates and numbers
- `checks`: what is refused in prices, and what is warned of
- `prices`: checked prices
- `indicators`: indicators made causal and unit-free
- `inputs`: every candidate input of a study
- `table`: their values in one hashed, cached table
"""

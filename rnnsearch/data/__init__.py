"""From a price file to the table of candidate inputs: read, check, compute, cache.

- `files`: a file of any kind as columns, by way of `unpacking`, `encodings`, `delimited`, `grids`
  (workbooks, JSON), `columnar` (Parquet) and `headers`; then `names`, `dates` and `numbers`
- `stacked`: one series of a file that holds several
- `yahoo`: prices from Yahoo Finance as such a file
- `checks`: what is refused in prices, and what is warned of
- `prices`: checked prices
- `calendars`: when sessions close, and which come next
- `indicators`: indicators made causal and unit-free
- `loops`: the slow ones of `ta`, on plain numbers
- `series`: what one price series offers as inputs
- `joins`: other markets as of the moment they were known
- `inputs`: every candidate input of a study
- `table`: their values in one hashed, cached table
- `atomic`: files that are complete or absent

Weighed for taking over parts of it: `charset-normalizer` judges encodings where the names of the
columns do not. `dateparser` reads 03/04/2014 and 99/01/11 without a word, makes a date of
"may", and takes 2 ms for each. `clevercsv` finds separators, which counting does as well on
price files, and no headers. `pandera` checks types and ranges, but knows no rows of a file and no
remedies, which are what the checks are for.
"""

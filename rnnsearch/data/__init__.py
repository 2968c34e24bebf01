"""What is known on each session: from a price file to the table of candidate inputs.

- `files`: what does a file hold? Columns under their names, whatever its kind
- `markets`: when do sessions close, and which come next?
- `prices`: which prices are these, and can they be right? Checked, never repaired in silence
- `inputs`: which inputs can be made of them? One hashed, cached table
- `listing`: which series does `[data]` name?

`atomic` writes files that are complete or absent, `scratch` has folders that no ending leaves.

Weighed for taking over parts of it: `charset-normalizer` judges encodings where the names of the
columns do not. `dateparser` reads 03/04/2014 and 99/01/11 without a word, makes a date of
"may", and takes 2 ms for each. `clevercsv` finds separators, which counting does as well on
price files, and no headers. `pandera` checks types and ranges, but knows no rows of a file and no
remedies, which are what the checks are for.
"""

"""What does a file hold? Its columns under their names, whatever its kind.

- `dispatch`: a file of any kind, by way of the modules below: the way in
- `unpacking`: what a file is by its first bytes, and what packed files hold
- `delimited`, `grids`, `columnar`: text, workbooks and JSON, Parquet and Arrow
- `encodings`, `headers`, `names`, `numbers`: how a text is written, and what its words mean
- `stacked`: one series of a file that holds several
"""

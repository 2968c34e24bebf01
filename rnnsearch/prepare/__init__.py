"""What would a search do? Told before anything is trained.

- `draft`: a first study file for a price file (`init`)
- `preview`: data, space, rows and one tiny trial (`check`)
- `canary`: look-ahead in columns that users build
- `placement`: where a search would train (`search --dry-run`)
"""

"""Which prices are these, and can they be right? Read once, checked, never repaired in silence.

- `load`: the checked prices of a study: the way in
- `columns`, `rows`: which columns are in use, and rows under the numbers that their file has
- `dates`, `spelling`: dates under the one meaning that they can have
- `adjusted`, `counters`, `categories`: columns told by what they are
- `ahead`: columns known before their date, and the rows past the last price that have them
- `refusals`, `oddities`: what is refused with a remedy, and what is only told
"""

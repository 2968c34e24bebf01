"""Many series: which are they, how far is the search of each, and which holds once all are counted?

Each is a study of its own, with everything that a study has: its trials, its locked test, its page.

family      the studies that one study file makes
reading     the data of all, and what becomes of those that cannot be used
"""

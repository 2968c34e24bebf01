"""Many series: which are they, how far is the search of each, and which holds once all are counted?

Each is a study of its own, with everything that a study has: its trials, its locked test, its page.

family      the studies that one study file makes
reading     the data of all, and what becomes of those that cannot be used
drafting    a first study file for them
preview     what a search would do
pool        workers that several drivers share
searching   the searches of all
status      how far they are
verdicts    the verdicts on all, corrected for how many they are
predicting  the next forecasts of all
index       the page of all
publishing  the run above theirs in MLflow
"""

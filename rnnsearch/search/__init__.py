"""Which parameters and inputs forecast best? What a trial is, who trains it, who drives the search.

- `searching`: a study from its file to its end: the way in
- `problem`: a study file and its data together: the input table and the rows of every fold
- `inputs`: which inputs there are to choose from
- `space`: what a trial may be
- `trial`: one trial, where it is trained
- `store`: what is known of every trial, kept
- `engines`: who trains
- `driver`: who asks for trials, hands them out and tells what became of them
"""

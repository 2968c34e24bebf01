"""One network of many series: what is it worth, and what does it say of each?

rows        the locked rows of all series, beside each other by date
fitting     the networks, trained on all rows before the test, and what is each series' own
simple      what simpler methods say of the same rows
evaluating  the answer
renewing    the champion trained on all rows known today
predicting  the next forecasts, also of series that it never saw
"""

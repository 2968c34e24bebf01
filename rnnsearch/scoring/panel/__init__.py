"""Many series at once: how good are forecasts of all, day by day and beside each other?

tests       do they carry information, are they more accurate? with days as witnesses, not rows
ranks       does the order of the forecasts of a day tell the order of what came?
longshort   what it would have earned to hold the upper and owe the lower
"""

"""Which studies are there, and how do they differ?

listing      all studies of one storage
comparing    some studies beside each other: what they found, and the settings that differ
"""

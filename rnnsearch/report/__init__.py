"""What has a study found? Its state, its tables, its page.

- `facts`: what is known, read once
- `page`: one page with the answer
- `captions`: its pictures with titles and captions
- `walked`: both ways through a test, beside each other
- `contributions`: which inputs, shifts and parameters earned their place
- `comparisons`: cells, shifts and other choices beside each other
- `shelf`: studies beside each other
- `status`, `trials`: as the commands of these names tell it
- `figures`: the pictures
"""

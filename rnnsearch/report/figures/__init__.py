"""The pictures of a study, made of plain data.

- `content`: what those of a search show, with titles and captions, computed once
- `search`, `champion`, `walk`: as plotly figures for the page
- `images`: as small images for MLflow
- `style`: how all of them look
"""

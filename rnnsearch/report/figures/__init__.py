"""The pictures of a study, made of plain data.

- `content`: what those of a search show, with titles and captions, computed once
- `search`, `champion`, `walk`, `money`: as plotly figures for the page
- `paper`: those as images without scripts, for paper
- `words`: those in words, for whoever cannot see them
- `images`: as small images for MLflow
- `style`: how all of them look, on a light page and on a dark one
"""

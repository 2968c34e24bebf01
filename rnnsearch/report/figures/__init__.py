"""The pictures of a study, made of plain data.

- `search`, `champion`: as plotly figures for the page
- `images`: as small images for MLflow
- `style`: how all of them look
"""

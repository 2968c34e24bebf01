"""What does MLflow get beside the trials?

- `registry`: the evaluation, and the champion as a registered model
- `pyfunc`: that model, as MLflow loads and serves it
- `page`: the study's page and images on its parent run
- `trials`: the forecasts of the best trials on their own runs, and which is the champion's
- `journal`: what came true of recorded forecasts
"""

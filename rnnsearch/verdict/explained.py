"""Where an explanation is kept, for whoever shows one and computes none."""

EXPLANATION = "explanation"
"""Study attribute: what `explanation.explain` said last."""

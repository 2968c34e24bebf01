"""What a study has found: its state, its answer, its report."""

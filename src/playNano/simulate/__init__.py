"""Movies with known truth, and scores against it."""

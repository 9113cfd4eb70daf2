"""How good a network is: scores, cross-validation."""

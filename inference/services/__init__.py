"""The verbs of inference: analyse, raise, acknowledge, mail."""

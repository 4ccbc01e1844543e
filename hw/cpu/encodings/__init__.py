"""Which handler an encoding with its operands means; a file a family, as in semantics."""

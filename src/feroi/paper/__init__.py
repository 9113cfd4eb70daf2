"""The paper's tables and figures, made anew beside its own numbers (section 4)."""

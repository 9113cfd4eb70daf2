"""Training a network: the loop, and the run folder it leaves. Needs torch."""

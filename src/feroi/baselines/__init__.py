"""Classical features and support vector machines: what Table 5 compares the networks with."""

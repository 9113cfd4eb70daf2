"""Labelled faces: one table of samples, a reader for each data set, folds and batches."""

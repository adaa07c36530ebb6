"""Why a model answered as it did: Shapley values of its inputs, for one row and over many."""

"""Time for each layer, and the GPU against NumPy: measured beside predicted."""

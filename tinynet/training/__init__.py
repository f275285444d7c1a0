"""From data to a trained network on disk: `step.py` is one step of training, `loop.py` what stands around it."""

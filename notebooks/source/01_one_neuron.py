# %% [markdown]
# # 1. From one neuron to one layer
#
# What does a single neuron compute, and how does it learn?

# %% tags=["picture"]
import numpy as np

import tinynet as tn

trace = tn.trace(tn.Linear(3, 2), np.ones((1, 3), np.float32), np.array([0]))
trace

# %% [markdown]
# ## Exercise
#
# <details><summary>Solution</summary>
#
# None yet.
# </details>

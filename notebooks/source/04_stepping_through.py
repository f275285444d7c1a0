# %% [markdown]
# # 4. Stepping through a whole AlexNet, forward and backward
#
# **A network says "church". Which numbers made it say so, and what would it have learned from the photograph?** Here is
# one tower of AlexNet, which was trained on 9,469 photographs of ten classes and comes with tinynet. We take one
# photograph, which it has never seen, and go through the network step by step, forward to the loss and backward to the
# pixels.
#
# You should know notebook 3: what each layer does. Nothing is downloaded; all cells together run in about 20 seconds.

# %%
import numpy as np

import tinynet as tn
from tinynet.plots import first_layer_filters, occlusion, prediction_sheet, saliency
from tinynet.tracing.pictures import activation_maps, gradient_flow, pixel_maps

# %% [markdown]
# ## A network that has learned
#
# `tn.pretrained()` lists the trained networks, and with a name it returns one. (In notebook 1 you trained a network
# yourself; this one took nearly two hours. `net.notes` says how it was made.)

# %%
net = tn.pretrained("alexnet-medium")
NAMES = ["tench", "English springer", "cassette player", "chain saw", "church", "French horn", "garbage truck",
         "gas pump", "golf ball", "parachute"]  # the words for its ten classes
net.summary()

# %% [markdown]
# These are the 48 filters of conv1. Before training they were random numbers; now many are edges, in all directions,
# and others are blobs of one colour beside another. Grey is 0. Compare them with figure 3 of the paper.

# %% tags=["picture"] alt="The 48 filters of conv1: edges and gratings in many directions, and blobs of colour"
first_layer_filters(net)

# %% [markdown]
# ## What does it say?
#
# Berlin Cathedral, two cocker spaniels, and a light bulb: free photographs that come with tinynet (their authors are in
# `tinynet/data/photographs/README.md`). `load_image` brings a photograph to the form in which the network saw its
# training images: 143 x 143 pixels, of which it takes the 127 x 127 in the middle. The bars are its probabilities.

# %% tags=["picture"] alt="Berlin Cathedral, two spaniels and a light bulb, with the five likeliest classes of each"
FILES = [tn.data.sample_photograph(name) for name in ("berlin_cathedral", "spaniels", "light_bulb")]
photographs = np.stack([net.preprocessing.load_image(file) for file in FILES])  # uint8 (3, 143, 143, 3)
probabilities = tn.predict(net, photographs)  # (3, 10)
prediction_sheet(photographs, probabilities, class_names=NAMES, columns=3)

# %% [markdown]
# The church is a church. But a light bulb is not one of the ten classes, and the network cannot say "none of these":
# softmax makes the ten probabilities add up to 1, whatever the ten scores are. What it calls the bulb has something in
# common with one. And a probability is no promise: nothing in training asked the network to be unsure about things that
# it has never seen.
#
# Nor has it seen a cocker spaniel. English springers, its only dogs, come nearest to it: so it says, and is not sure.

# %% [markdown]
# ## One photograph: how far does it get?
#
# We go on with the church. `net.preprocessing` subtracts the mean colour of the training images and divides by 58,
# about the deviation of pixels.

# %%
images = net.preprocessing(photographs[:1])  # float32 (1, 127, 127, 3)
church = NAMES.index("church")
labels = np.array([church])
trace = tn.trace(net, images, labels)
print(images.shape, images.dtype, "from", images.min().round(2), "to", images.max().round(2))

# %% [markdown]
# A trace can be walked. `next()` goes one step on: forward through the layers to the loss, then backward from the
# loss to the first layer. `previous()` goes the other way.

# %%
walk = trace.walk()
print(walk)
walk.next()
print(walk)
while not walk.at_end:
    walk.next()
print(walk)

# %% tags=["picture"]
walk.step  # the last step: conv1 in the backward pass, with all its arrays

# %% [markdown]
# ## What is left of the image after each part?
#
# Here are maps after three of the ReLUs. A map is a question asked at every position, and orange is "yes". Of the 48,
# 128 or 128 channels, the 16 with the largest numbers are drawn; many others are 0 all over for this image.

# %% tags=["picture"] alt="16 maps of relu1: the cathedral's edges in most of them, the sky in others"
def strongest_first(maps):
    """Sort the channels of maps (H, W, C) by their largest numbers."""
    return maps[..., maps.max(axis=(0, 1)).argsort()[::-1]]


activation_maps(strongest_first(trace["relu1"].output[0]), "relu1", count=16)

# %% tags=["picture"] alt="16 maps of relu2, coarser: parts of the building, and its border with the sky"
activation_maps(strongest_first(trace["relu2"].output[0]), "relu2", count=16)

# %% tags=["picture"] alt="16 maps of relu5, coarse: a few blurred spots in each"
activation_maps(strongest_first(trace["relu5"].output[0]), "relu5", count=16)

# %% [markdown]
# After relu1 one can still see the church: its edges in some maps, its sky in others. Each pooling halves height and
# width, so the maps become coarser: 30 x 30, 14 x 14, 6 x 6. What each of them asks is harder and harder to name: a
# number there depends on a larger and larger part of the image, in relu5 on most or all of it. The next notebook asks
# what excites them.

# %% [markdown]
# ## Which numbers made the score?
#
# `explain` names the terms of any number. So let us ask where the church's score came from, take the largest term, ask
# where *its* number came from, and so on until we stand at a pixel.

# %%
index, path = (0, church), []  # image 0, class "church", in the output of fc7
for step in reversed(trace.steps[:-1]):  # all layers but the loss, from the last to the first
    explanation = step.explain(output=index)
    part = explanation.parts[0]  # the products; a bias would be the second part
    largest = part.values.argmax()
    x = next(factor for factor in part.factors if factor.name.startswith("x["))
    path.append((step.name, index, explanation.value, len(part.values), part.values[largest]))
    index = tuple(x.indices[largest].tolist())

print("layer     index              number    terms  the largest")
for name, at, value, count, term in path:
    print(f"{name:9} {str(at):18} {value:8.3f}  {count:7}  {term:11.3f}")
print("pixel    ", index, " which is", images[index].round(2), "(minus the mean, divided by 58)")

# %% [markdown]
# Every line is a true statement about the numbers in the trace. But mind how little a path says: each sum has many
# terms, the largest is a small part of it, and many other paths lead to the same score. Below we ask
# differently: not "which term was the largest?" but "what if a pixel were different?"

# %% [markdown]
# ## Where does the backward pass begin?
#
# At the loss: the gradient of the scores is the probabilities, less 1 at the label.

# %%
print("probabilities minus one-hot label:", (probabilities[0] - np.eye(10)[church]).round(4))
print("in the trace:                     ", trace["loss"].input_gradient[0].round(4))

# %% [markdown]
# ## How much of it arrives at each layer?
#
# The **root mean square** is the usual size of many numbers: the root of the mean of their squares. On the left, for
# the gradient at each layer's output, in the order of the layers (the backward pass goes from right to left). On the
# right, for the gradient of the weights, which is what training uses. The scales are logarithmic. For the light bulb,
# labelled "church", all of it is larger: there would be more to learn.

# %% tags=["picture"] alt="Gradients by layer: falling towards conv1, and hundreds of times larger for the light bulb"
bulb = tn.trace(net, net.preprocessing(photographs[2:]), labels)
gradient_flow({"the church": trace, 'the light bulb, labelled "church"': bulb})

# %% [markdown]
# All gradients are made from the numbers that the backward pass begins with: near 0 where the network is right and
# sure, near -1 and 1 where it is sure and wrong. So an image that it gets wrong moves its weights much more than one
# that it gets right.
#
# Going backward, the gradient at the outputs shrinks: pooling and ReLU give most positions a gradient of zero, and what
# is left is spread over more and more numbers. Yet the gradient of conv1's weights is the largest of all: it is
# upstream gradient times input, added up over all 30 x 30 positions. With sigmoid or tanh it can be far worse:
# notebook 6.

# %% [markdown]
# ## Does a step against the gradient do what it promises?
#
# The gradient makes a promise: go a small way, rate times gradient, against it, and the loss falls by rate times the
# sum of the squares of all gradients. (Each weight moves by rate $\cdot\, g$, and the loss changes by $g$ for each
# unit.) Let us check it on the light bulb labelled "church", with 64-bit numbers, for all 1,213,642 weights and biases
# at once.

# %%
bulb64 = net.preprocessing(photographs[2:]).astype("float64")
before = tn.trace(net.astype("float64"), bulb64, labels)
squares = sum((g**2).sum() for step in before.steps for g in step.gradients.values())

for rate in (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3):
    moved = net.astype("float64")
    for step in before.steps:
        for name, gradient in step.gradients.items():
            moved.params[step.name][name] -= rate * gradient
    after = tn.trace(moved, bulb64, labels)
    print(f"rate {rate:.0e}: promised {rate * squares:.6f}, the loss fell by {before.loss - after.loss:.6f}")

# %% [markdown]
# For small rates the promise holds in its first digits. For larger ones it does not: the loss is curved, and it cannot
# fall below zero. This is why a learning rate has to be found by trying.

# %% [markdown]
# ## Which pixels matter?
#
# Two ways to ask:
#
# - **Saliency**: how much would the church's score change if this pixel changed a little? It is the size of the
#   gradient of the score at the pixel. The backward pass gives it for all pixels at once.
# - **Occlusion**: what does the network say when a part is covered? A square of 32 x 32 pixels, in the mean colour,
#   goes over every position, and the map shows the church's probability with the square's middle there. Dark is where
#   covering hurts.

# %% tags=["picture"] alt="The cathedral; its saliency, specks all over the building; its occlusion map, one dark spot"
slopes = saliency(net, images, labels)[0]  # (127, 127)
covered = occlusion(net, images[0], class_index=church, size=32, stride=4)  # (32, 32)
pixel_maps(images[0], {
    "saliency: |d score / d pixel|": slopes,
    "probability of church, a square here": covered,
})

# %% [markdown]
# Both point at the building, and they need not agree. Saliency is about *small* changes, and is noisy: a ReLU that is
# closed hides what a larger change would do. Occlusion is about one particular large change. Neither proves what the
# network "looks at".

# %% [markdown]
# ## Exercise
#
# 1. Draw the occlusion map of the light bulb, for the class that the network takes it for. Which part of the bulb makes
#    it say so?
# 2. Trace the bulb with *the answer of the network* as the label. Which numbers of the trace `bulb` stay the same, and
#    which change?
# 3. Take a photograph of your own: put its path into `FILES`. Or turn the cathedral upside down:
#    `photographs[:1, ::-1]`. Is it still a church?
#
# <details><summary>Solution</summary>
#
# ```python
# answer = int(probabilities[2].argmax())                                  # 1.
# x = net.preprocessing(photographs[2:])
# pixel_maps(x[0], {NAMES[answer]: occlusion(net, x[0], answer, size=32, stride=4)})
#
# other = tn.trace(net, x, np.array([answer]))                             # 2.
# gradient_flow({"labelled church": bulb, "labelled with the network's answer": other})
#
# tn.predict(net, photographs[:1, ::-1])[0, church]                        # 3.
# ```
#
# 1. For us the round part, where the light falls on it.
#
# 2. The whole forward pass stays the same, up to the scores and probabilities. The loss changes, and with it the whole
#    backward pass: the gradient of the scores is $p$ minus another one-hot row. It is small now, as the network agrees
#    with that label.
#
# 3. Hardly: 4% church where it was 99.7%, and 74% French horn. The network was never shown anything upside down (mirror
#    images, but no upside-down ones), so nothing taught it that a church stays one.
# </details>
#
# Next: [5. What did it learn?](05_what_did_it_learn.ipynb)

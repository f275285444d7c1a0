# %% [markdown]
# # 4. Stepping through a whole AlexNet, forward and backward
#
# **A network says "star". Which numbers made it say so, and what did it learn from being right or wrong?** Here a small
# AlexNet learns four drawn shapes in some seconds. Then we take one image and go through the network step by step,
# forward to the loss and backward to the pixels.
#
# You should know notebook 3: what each layer does. Nothing is downloaded; all cells together run in about 20 seconds.

# %%
import numpy as np

import tinynet as tn
from tinynet.plots.attribution import occlusion, saliency
from tinynet.plots.pictures import first_layer_filters, learning_curve, prediction_sheet
from tinynet.tracing.pictures import activation_maps, gradient_flow, pixel_maps

# %% [markdown]
# ## Can it learn in some seconds?
#
# `draw_shapes` draws images of ten shapes in random colours, sizes and positions, on cluttered backgrounds. We keep
# four of the ten, to be quick.

# %%
NAMES = ["disc", "triangle", "star", "cross"]


def four_shapes(count, seed):
    """Draw `count` images of ten shapes, and keep those of our four."""
    drawn = tn.data.draw_shapes(count, seed=seed)
    numbers = [drawn.class_names.index(name) for name in NAMES]  # 0, 4, 6, 7 of the ten
    kept = np.isin(drawn.labels, numbers)
    return tn.data.Dataset(drawn.images[kept], np.searchsorted(numbers, drawn.labels[kept]), NAMES)


train, test = four_shapes(4000, seed=0), four_shapes(500, seed=1)
print(len(train), "images to learn from,", len(test), "others to test with")

# %% [markdown]
# Forward, loss, backward, step: `tn.fit` does it for batches of 32 images, and goes over all images five times (five
# **epochs**). For the last epoch the learning rate is divided by ten: the dotted line in the picture. `init="he"`
# initializes the weights at a size that suits ReLU (notebook 6 says why); `weight_decay` pulls them a little towards 0
# in each step.

# %% tags=["picture"]
net = tn.alexnet_small(classes=4, init="he", seed=0)
optimizer = tn.SGD(net, learning_rate=0.005, momentum=0.9, weight_decay=5e-4)
schedule = tn.StepSchedule(optimizer, [4], factor=0.1)
history = tn.fit(
    net, train, test, epochs=5, batch_size=32, optimizer=optimizer, schedule=schedule, progress=False
)
learning_curve(history)

# %% [markdown]
# "Validation" is the test images here: the network never learned from them. Guessing would have an error of 75%. That
# the training error can be *above* the validation error is no mistake: in training, dropout drops half of the features,
# and images are shifted and mirrored at random.
#
# What does it say about some test images? Above each stands the right class; the bars are the network's probabilities,
# hatched for the right class.

# %% tags=["picture"]
prediction_sheet(test.images[:8], tn.predict(net, test.images[:8]), test.labels[:8], NAMES)

# %% [markdown]
# These are the 32 filters of conv1, which were random numbers before. Grey is 0.

# %% tags=["picture"]
first_layer_filters(net)

# %% [markdown]
# They still look much like noise: so few steps move the filters too little for the eye. After its days of training on
# 1.2 million photographs, AlexNet's show edges and colours (figure 3 of the paper).

# %% [markdown]
# ## One image: how far does it get?
#
# Let us take a star that the network gets right without being quite sure.

# %%
probabilities = tn.predict(net, test.images)  # (images, 4)
right = (probabilities.argmax(axis=1) == test.labels) & (test.labels == 2)
sure = np.where(right, probabilities.max(axis=1), 0)
chosen = np.abs(sure - 0.8).argmin()  # the one whose probability is nearest to 0.8

images, labels = net.preprocessing(test.images[[chosen]]), test.labels[[chosen]]
trace = tn.trace(net, images, labels)
for name, p in zip(NAMES, probabilities[chosen], strict=True):
    print(f"{name:9} {p:.1%}")

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
# Here are maps after three of the ReLUs. A map is a question asked at every position, and orange is "yes". Of the 32 or
# 64 channels, the 16 with the largest numbers are drawn; many others are 0 all over for this image.

# %% tags=["picture"]
def strongest_first(maps):
    """Sort the channels of maps (H, W, C) by their largest numbers."""
    return maps[..., maps.max(axis=(0, 1)).argsort()[::-1]]


activation_maps(strongest_first(trace["relu1"].output[0]), "relu1", count=16)

# %% tags=["picture"]
activation_maps(strongest_first(trace["relu2"].output[0]), "relu2", count=16)

# %% tags=["picture"]
activation_maps(strongest_first(trace["relu4"].output[0]), "relu4", count=16)

# %% [markdown]
# After relu1 one can still see the star and its edges. Each pooling halves height and width, so the maps become
# coarser. What each of them asks is harder and harder to name: a number there depends on a larger and larger part of
# the image.

# %% [markdown]
# ## Which numbers made the score?
#
# `explain` names the terms of any number. So let us ask where the star's score came from, take the largest term, ask
# where *its* number came from, and so on until we stand at a pixel.

# %%
index, path = (0, 2), []  # image 0, class 2, in the output of fc5
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
print("pixel    ", index, " which is", images[index].round(1), "(minus the mean)")

# %% [markdown]
# Every line is a true statement about the numbers in the trace. But mind how little a path says: each sum has many
# terms, the largest is a small part of it, and many other paths lead to the same score. Below we ask
# differently: not "which term was the largest?" but "what if a pixel were different?"

# %% [markdown]
# ## Where does the backward pass begin?
#
# At the loss: the gradient of the scores is the probabilities, less 1 at the label.

# %%
print("probabilities minus one-hot label:", (probabilities[chosen] - np.eye(4)[2]).round(4))
print("in the trace:                     ", trace["loss"].input_gradient[0].round(4))

# %% [markdown]
# ## How much of it arrives at each layer?
#
# The **root mean square** is the usual size of many numbers: the root of the mean of their squares. On the left, for
# the gradient at each layer's output, in the order of the layers (the backward pass goes from right to left). On the
# right, for the gradient of the weights, which is what training uses. The scales are logarithmic.

# %% tags=["picture"]
gradient_flow(trace)

# %% [markdown]
# Going backward, the gradient at the outputs shrinks, and at conv1 it is very small. For one thing, pooling and ReLU
# give most positions a gradient of zero. For another, the *forward* numbers are large near the pixels, which go to 255,
# and small at the scores: to change a number by 1 is little near the pixels, and much at the scores.
#
# Yet conv1's weights do not have the smallest gradient. Their gradient is upstream gradient times input, added up over
# all positions, and conv1's inputs are the largest. With sigmoid or tanh it can be far worse: notebook 6.

# %% [markdown]
# ## Does a step against the gradient do what it promises?
#
# The gradient makes a promise: go a small way, rate times gradient, against it, and the loss falls by rate times the
# sum of the squares of all gradients. (Each weight moves by rate $\cdot\, g$, and the loss changes by $g$ for each
# unit.) Let us check it, on a copy with 64-bit numbers, for all 97,092 weights and biases at once.

# %%
copy = net.astype("float64")
images64 = images.astype("float64")
before = tn.trace(copy, images64, labels)
squares = sum((g**2).sum() for step in before.steps for g in step.gradients.values())

for rate in (1e-7, 1e-6, 1e-5, 1e-4, 1e-3):
    moved = net.astype("float64")
    for step in before.steps:
        for name, gradient in step.gradients.items():
            moved.params[step.name][name] -= rate * gradient
    after = tn.trace(moved, images64, labels)
    print(f"rate {rate:.0e}: promised {rate * squares:.6f}, the loss fell by {before.loss - after.loss:.6f}")

# %% [markdown]
# For small rates the promise holds in its first digits. For larger ones it does not: the loss is curved, and it cannot
# fall below zero. This is why a learning rate has to be found by trying.

# %% [markdown]
# ## Which pixels matter?
#
# Two ways to ask:
#
# - **Saliency**: how much would the star's score change if this pixel changed a little? It is the size of the gradient
#   of the score at the pixel. The backward pass gives it for all pixels at once.
# - **Occlusion**: what does the network say when a part is covered? A square of 8 x 8 pixels, in the mean colour, goes
#   over every position, and the map shows the star's probability with the square's middle there. Dark is where covering
#   hurts.

# %% tags=["picture"]
slopes = saliency(net, images, labels)[0]  # (32, 32)
covered = occlusion(net, images[0], class_index=2, size=8, stride=2)  # (16, 16)
pixel_maps(test.images[chosen], {
    "saliency: |d score / d pixel|": slopes,
    "probability of star, a square here": covered,
})

# %% [markdown]
# They need not agree. Saliency is about *small* changes, and is noisy: a ReLU that is closed hides what a larger change
# would do. Occlusion is about one particular large change; and where the map is bright, the square covered something
# that spoke for another class. Neither proves what the network "looks at".

# %% [markdown]
# ## Exercise
#
# Take an image that the network gets *wrong* (if there is none, the one with the smallest probability of the right
# class).
#
# 1. Draw its occlusion maps for the class that the network says and for the right class. Where would a square make the
#    answer right?
# 2. Trace it. By how much is its loss larger than our star's? And the root mean square of conv1's weight gradient? Why
#    does training move the weights mostly for the images that are wrong?
# 3. Trace it once more with the *answer of the network* as the label. Which numbers of the trace stay the same, and
#    which change?
#
# <details><summary>Solution</summary>
#
# ```python
# of_the_right_class = probabilities[np.arange(len(test)), test.labels]
# worst = of_the_right_class.argmin()
# image, label = net.preprocessing(test.images[[worst]]), test.labels[[worst]]
# answer = tn.predict(net, test.images[[worst]]).argmax(axis=1)
#
# said_map = occlusion(net, image[0], int(answer[0]))                      # 1.
# right_map = occlusion(net, image[0], int(label[0]))
# pixel_maps(test.images[worst], {NAMES[answer[0]]: said_map, NAMES[label[0]]: right_map})
#
# wrong = tn.trace(net, image, label)                                      # 2.
# for each in (trace, wrong):
#     g = each["conv1"].gradients["w"]
#     print(each.loss, np.sqrt((g**2).mean()))
#
# other = tn.trace(net, image, answer)                                     # 3.
# gradient_flow({"right label": wrong, "the network's answer": other})
# ```
#
# 1. Where the right class's map is above the other at the same position. The scales of the two pictures differ, so let
#    NumPy compare: `print((right_map > said_map).mean())`, the share of such positions. (With a third class above both
#    it would still be wrong there.)
#
# 2. For us 2.51 instead of 0.22, and 0.52 instead of 0.05. The loss is $-\ln p$ of the right class, and the backward
#    pass begins with $p - 1$ there: near 0 where the network is right and sure, near $-1$ where it is sure and wrong.
#    All gradients are made from these numbers, so an image that is wrong gives much larger ones.
#
# 3. The whole forward pass stays the same, up to the scores and probabilities. The loss changes, and with it the whole
#    backward pass: the gradient of the scores is $p$ minus another one-hot row. It is small now, as the network agrees
#    with that label.
# </details>
#
# Next: [5. Checking gradients](05_checking_gradients.ipynb)

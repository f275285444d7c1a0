"""Step 5 of 17: one step of training.

    images --net.forward--> scores --loss--> dscores --net.backward--> gradients --optimizer--> new parameters

All of training is this, many times, each time with other images. `net` is a layer, or a network of layers (step 15):
both have forward and backward. With a Linear of step 2 as the net you can train already, and there are images to try it
on: tinynet.data.load_shapes() gives 8,000 and 2,000 drawn ones of 32 x 32 pixels, with labels from 0 to 9.

To write: one function of four or five lines.   Uses step 3 (the loss).   Then: tinynet course check 5
"""
from step_03_loss import softmax_cross_entropy


def training_step(net, images, labels, optimizer):
    """Take one step: the parameters change so that the loss on these images becomes smaller.

    net : object with forward(x, train) and backward(dy, saved); run it in training mode
    images : array, what net.forward takes
    labels : array of int (N,)
    optimizer : object with step(grads), such as the SGD of step 4, which knows the net

    Return the loss, a float, and the scores (N, classes): both from before the parameters changed.
    """
    # solution
    scores, saved = net.forward(images, train=True)
    loss, dscores = softmax_cross_entropy(scores, labels)
    _, grads = net.backward(dscores, saved)
    optimizer.step(grads)
    return loss, scores

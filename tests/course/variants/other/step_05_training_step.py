from step_03_loss import softmax_cross_entropy


def training_step(net, images, labels, optimizer):
    """Everything in one line but the update."""
    scores, saved = net.forward(images, train=True)
    loss, (dx, grads) = (lambda pair: (pair[0], net.backward(pair[1], saved)))(softmax_cross_entropy(scores, labels))
    del dx
    optimizer.step(grads)
    return float(loss), scores

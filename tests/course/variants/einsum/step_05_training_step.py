from step_03_loss import softmax_cross_entropy as loss_of


def training_step(net, images, labels, optimizer):
    scores, kept = net.forward(images, train=True)
    value, back = loss_of(scores, labels)
    optimizer.step(net.backward(back, kept)[1])
    return value, scores

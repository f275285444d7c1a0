import step_03_loss


def training_step(net, images, labels, optimizer):
    result = net.forward(images, True)
    loss, dscores = step_03_loss.softmax_cross_entropy(result[0], labels)
    grads = net.backward(dscores, result[1])[1]
    optimizer.step(grads)
    return loss, result[0]

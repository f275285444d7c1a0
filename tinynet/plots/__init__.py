"""Pictures: learning curves, filters, sheets of predictions, thumbnails, and which pixels a score depends on."""

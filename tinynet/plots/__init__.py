"""Pictures: learning curves, filters, sheets of predictions, thumbnails, and what an image's score hangs on."""

"""Write it yourself: from an empty file to an AlexNet that learns. The steps' files, their checks, and the end."""

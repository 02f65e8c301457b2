"""Login node and batch script: workers on their way into the queue."""

"""What is installed, whether it works, and what the hardware gives: `keras-cxr doctor`."""

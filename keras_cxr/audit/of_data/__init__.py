"""What in a folder of chest X-rays makes a result untrue, before any training."""

"""What questions to data share: the opened images, their copies, and what tables say of them."""

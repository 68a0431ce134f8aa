"""A first stage of training: the head alone, on features of the frozen backbone."""

"""The explanation methods, each little more than its formula."""

"""The parts of a preset that need no model: the form of its folder, the hub, the card."""

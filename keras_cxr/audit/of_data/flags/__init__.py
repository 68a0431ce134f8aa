"""Files that are no upright, positive, frontal chest film."""

"""Which image goes to which part: by hand, by group, by source, by chance."""

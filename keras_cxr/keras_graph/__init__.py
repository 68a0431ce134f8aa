"""All that leans on how Keras holds models inside: graphs, layers, heads, replays."""

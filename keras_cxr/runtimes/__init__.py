"""A Keras model in the runtime of another program: written, read there and held against Keras.

Nothing here imports Keras or a runtime before it is used, so that a program that only answers
starts as fast as its runtime.
"""

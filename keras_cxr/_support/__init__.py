"""What several rooms need and none of them is about; it knows no Keras model, no data set."""

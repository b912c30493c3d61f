"""Pure signal analysis: numpy arrays in, beats and episodes out."""

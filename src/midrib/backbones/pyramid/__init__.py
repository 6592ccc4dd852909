"""Maps at the strides that a head asks for."""

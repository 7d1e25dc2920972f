"""A package, so that the browser of its tests ends with them."""

"""The body map: views as equal grids of art and mask, and how one moves on them."""

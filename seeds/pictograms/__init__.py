"""What the drawings are made of: one module per top-level category, and the shapes they share."""

"""What is learned from: the play archive, the catalogue, interactions and splits of them."""

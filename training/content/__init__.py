"""What tracks are by themselves: embeddings of their words, clusters of their sound."""

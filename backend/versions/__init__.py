"""Version files: one codec for who writes them and who reads them, whoever keeps them."""

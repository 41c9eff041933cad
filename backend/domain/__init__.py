"""What Segue talks about, in frozen values; standard library only."""

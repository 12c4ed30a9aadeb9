"""What was compared and found, in the words and tables of a paper."""

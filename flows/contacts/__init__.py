"""What the jobs of customers and contacts have in common."""

"""What the jobs of items, resources and prices have in common."""

"""How the store's schema came about: one file per step, in versions/."""

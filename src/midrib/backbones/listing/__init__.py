"""What there is to choose from, and what each costs."""

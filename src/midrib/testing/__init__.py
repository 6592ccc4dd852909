"""Contract suites: what every implementation must pass, as pytest classes to inherit from."""

"""A Deployment that runs becomes a release."""

"""What an update of a release is, whether it may run, and what it does to users. No Pulumi."""

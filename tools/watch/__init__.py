"""What runs of a release, what it answers, and whether that is what the stack file says. Reads, and changes nothing."""

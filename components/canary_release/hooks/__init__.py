"""What runs before and after an update, in the program that Pulumi runs: checks, announcement, document."""

"""What the workflows in .github call: which stacks a change touches, its preview as a comment, drift as an issue."""

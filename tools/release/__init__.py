"""Runs a plan: step by step, under watch, and back at the first harm."""

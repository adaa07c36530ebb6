"""Alarms: what they look at, what they say, and whom they tell."""

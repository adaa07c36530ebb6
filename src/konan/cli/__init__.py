"""The command line: it turns words into calls of the SDK and answers into text, JSON and exit codes."""

"""One module for each command or group of commands; each is imported when it is called and not before."""

"""The demonstration: a real data set and the story that `konan demo` tells with it."""

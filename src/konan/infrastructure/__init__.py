"""What other systems are given to know of Konan: files for them, written from what Konan tells of itself."""

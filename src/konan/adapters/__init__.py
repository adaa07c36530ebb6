"""What the platform needs from outside, made with one technology each; chosen in `konan.wiring` alone."""

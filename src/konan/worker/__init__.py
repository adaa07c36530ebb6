"""What runs inside a model's environment: frames, loaders, sandbox; standard library only, Python 3.8."""

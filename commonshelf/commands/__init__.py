"""The commands, one module each. Modules import what is heavy inside functions: `--help` must be quick."""

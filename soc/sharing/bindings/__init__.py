"""The wires of alert sharing: one module each, all of them behind ``base.Binding``."""

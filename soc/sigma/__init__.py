"""The Sigma rule language: bundles of YAML in, compiled rules out."""

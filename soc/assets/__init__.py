"""The register: systems, organizations, networks, hosts; read from YAML and CSV, looked up by address, name and user."""

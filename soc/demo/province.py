"""The demo's register as YAML: an invented installation behind the story's addresses, one system of it not filled in yet."""

REGISTER = """
units:
  - {key: tinh-demo, name: Tỉnh (minh họa)}
  - {key: so-demo, name: Sở phụ trách chuyển đổi số (minh họa), parent: tinh-demo}
  - {key: trung-tam-demo, name: Trung tâm dữ liệu (minh họa), parent: so-demo}

systems:
  - key: motcua
    name: Hệ thống một cửa điện tử
    level: 3
    purpose: Tiếp nhận và trả kết quả thủ tục hành chính
    owner: so-demo
    operator: trung-tam-demo
    criticality: critical
    hosting_provider: none
    connectivity_provider: Nhà cung cấp kết nối (minh họa)
    security_provider: none
    public_addresses: [198.51.100.20, 198.51.100.21]
    domains: [dichvucong.tayninh.example]
    services: [nginx, sshd]
    hosts:
      - {name: mc-dvc01, addresses: 192.0.2.21, operating_system: Debian 13, role: web}
    log_sources:
      - {source: 127.0.0.1, kind: web, every: 1h}
  - key: dc
    name: Trung tâm tích hợp dữ liệu
    owner: so-demo
    operator: trung-tam-demo
    criticality: high
    networks: [192.0.2.0/24, 198.51.100.0/24]
    hosts:
      - {name: FGT-TN-01, addresses: 198.51.100.2, roles: firewall; nat}

contacts:
  - {of: trung-tam-demo, role: trực ca, email: truc-ca@tayninh.example}
"""

"""A roster for tests: two analysts by turns, a lead, the head of the centre."""

from soc.notify.roster_file import parse

TEXT = """
timezone: Asia/Ho_Chi_Minh
people:
  lan: {name: Lan, language: vi, channels: [{smtp: lan@soc.example}, {command: "+84900000001"}]}
  minh: {name: Minh, language: en, channels: [{smtp: minh@soc.example}]}
  hung: {name: Hùng, channels: [{smtp: hung@soc.example}]}
  thu: {name: Thu, channels: [{command: "+84900000004"}]}
shifts:
  - {team: analysts, people: [lan], from: "07:30", to: "19:30"}
  - {team: analysts, people: [minh], from: "19:30", to: "07:30"}
holidays: [2026-12-25]
substitutions:
  - {person: lan, by: hung, from: 2026-12-01 00:00, until: 2026-12-02 00:00}
escalations:
  default:
    - {call: analysts, minutes: 15}
    - {call: hung, minutes: 15}
    - {call: everyone, minutes: 30}
routes:
  - {level: [high, critical], escalation: default}
"""
ROSTER = parse(TEXT)

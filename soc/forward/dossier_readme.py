"""What ``README.txt`` of a dossier says: which file is what, and how to verify all of it with tools that this program has no part in."""

from typing import Final

README: Final = """HỒ SƠ BÁO CÁO SỰ CỐ - INCIDENT REPORT DOSSIER

incident.json            sự cố: các mốc thời gian, phân loại, phê duyệt, quyết định, diễn biến
                         the incident: times, classification, approvals, settlements, timeline
clocks.json              từng nghĩa vụ báo cáo: hạn, thời điểm gửi, đúng hạn hay muộn và lý do
                         every duty: due, delivered, met or missed, and why
reports/*/payload.bin    đúng các byte đã niêm phong và gửi đi
                         the sealed bytes, exactly as they left
reports/*/report.json    trạng thái, biên nhận, người phê duyệt, nội dung đã lược bỏ (không có giá trị)
                         states, receipt, who approved, what was withheld (never its value)
audit/incident.ndjson    các dòng nhật ký kiểm toán về sự cố này
                         the lines of the audit about this incident
audit/<chuỗi>-*.ndjson   đoạn liên tục của chuỗi băm chứa các dòng đó
                         unbroken runs of the hash chain that hold these lines
audit/proof.json         vị trí của từng đoạn và điểm cuối của các chuỗi
                         where each run stands, and how the chains ended
evidence/*.manifest.json bản kê chứng cứ; tệp chứng cứ lưu ở kho lưu trữ
                         manifests of evidence; the files are in the archive
SHA256SUMS               SHA-256 của các tệp trên / of the files above
dossier.json             kích thước và SHA-256 của từng tệp / size and SHA-256 of every file
dossier.sig              chữ ký Ed25519 lên dossier.json, kèm khóa công khai
                         Ed25519 signature over dossier.json, with the public key

Thời gian trong các tệp JSON: micro giây từ 1970, hoặc ISO 8601 theo UTC.
Times in the JSON files: microseconds since 1970, or ISO 8601 in UTC.

KIỂM TRA - TO VERIFY

Bằng phần mềm / with the program:  soc report dossier --verify FILE.zip --key audit.pub

Không cần phần mềm, sau khi giải nén / without it, in the unpacked folder:

1. Các tệp chưa bị sửa / no file was changed:

   sha256sum --check SHA256SUMS

2. Mỗi báo cáo đúng là nội dung đã được phê duyệt: ba số sau phải giống nhau.
   Each report is what was approved: these three must be the same.

   sha256sum reports/*/payload.bin
   grep payload_sha256 reports/*/report.json
   grep payload_sha256 incident.json

3. Nhật ký kiểm toán liền mạch: chép đoạn sau vào python3. Mỗi dòng mang mã băm của dòng trước; mã băm của một dòng là SHA-256 của
   chính dòng đó khi bỏ trường hash.
   The audit is unbroken: paste this into python3. Each line has the hash of the line before; a line's hash is the SHA-256 of the
   line itself without its field hash.

   import hashlib, json
   for run in json.load(open("audit/proof.json", encoding="utf-8"))["runs"]:
       prev, count = run["start"]["hash"], run["start"]["seq"]
       for line in open(run["file"], encoding="utf-8"):
           told = json.loads(line)
           given = told.pop("hash")
           text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
           made = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
           if (told["prev"], told["seq"], made) != (prev, count + 1, given):
               raise SystemExit(f"{run['file']}: line {count + 1} was changed")
           prev, count = given, count + 1
       if prev != run["end"]["hash"]:
           raise SystemExit(f"{run['file']}: lines are missing at its end")
       print(run["file"], "unbroken, lines", run["start"]["seq"] + 1, "to", count)

4. Chữ ký (nếu có dossier.sig) / the signature (where there is a dossier.sig):

   python3 -c "import base64, json; s = json.load(open('dossier.sig')); open('key.pem', 'w').write(s['public']); open('sig.bin', 'wb').write(base64.b64decode(s['signature']))"
   openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in dossier.json -sigfile sig.bin

   Khóa trong hồ sơ chỉ chứng minh hồ sơ khớp với chính nó: hãy so với khóa công khai đã ghi lại từ trước (soc audit key).
   The key inside proves only that the dossier fits itself: compare it with the public key noted down before (soc audit key).

Lưu giữ ít nhất 5 năm sau khi kết thúc sự cố. Kept for at least five years after the incident ended.
"""

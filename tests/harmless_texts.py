"""What reports say and nobody's secret is: written by hand, to see how much a redactor takes away for nothing."""

TEXTS = """\
Lúc 08:15 ngày 21/09/2026, hệ thống giám sát phát hiện nhiều lần đăng nhập sai vào Cổng dịch vụ công trực tuyến của tỉnh.
Sự cố bắt đầu từ 02:11:37 ngày 22/11/2026 và kéo dài khoảng 45 phút, làm gián đoạn dịch vụ một cửa điện tử.
Thực hiện văn bản số 1552/BTTTT-CATTT ngày 28/4/2020 và Quyết định 05/2017/QĐ-TTg, đơn vị đã khởi động phương án ứng cứu.
Căn cứ Nghị định 331/2026/NĐ-CP, Điều 31.2.d và Thông tư 20/2017/TT-BTTTT, báo cáo này được gửi trong vòng 24 giờ.
Theo Luật An ninh mạng 116/2025/QH15 có hiệu lực từ 01/7/2026, chủ quản hệ thống phải báo cáo sự cố.
Địa chỉ 203.0.113.77 gửi 12.345 yêu cầu trong 10 phút, tăng 340 % so với cùng kỳ.
Đã chặn dải 198.51.100.0/24 và địa chỉ 2001:db8::77 tại tường lửa biên lúc 09:02.
Kẻ tấn công quét các cổng 21, 22, 80, 443, 445, 1433, 3306, 3389, 5432 và 8080 từ 192.0.2.15.
Mã độc có giá trị SHA-256 là 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.
MD5 của tệp là d41d8cd98f00b204e9800998ecf8427e, SHA-1 là da39a3ee5e6b4b0d3255bfef95601890afd80709.
Lỗ hổng CVE-2024-3400 và CVE-2021-44228 đã được vá trên toàn bộ 16 máy chủ trong ngày 23/11/2026.
Phần mềm OpenSSH 9.6p1, Apache 2.4.58, PHP 8.2.13 và Windows Server 2019 (bản dựng 17763.5329) đang được sử dụng.
Bản vá KB5034441 và KB5034123 được cài đặt trước 17 giờ 30 phút ngày 30/11/2026.
Thiệt hại ước tính 125.000.000 đồng, chi phí khắc phục 3.500.000.000 đồng, chiếm 18,5 % dự toán.
Tổng số 323.964 hồ sơ tiếp nhận, trong đó 58.327 hồ sơ trực tuyến mức độ 4, đạt tỷ lệ 18 %.
Hệ thống có 1001/1818 thủ tục dịch vụ công mức độ 4 bị ảnh hưởng một phần.
Dung lượng truyền ra ngoài khoảng 4.812.337 byte trong 120 giây, trung bình 40 KB/s.
Tường lửa ghi nhận sent=184467440737 rcvd=99123 trong phiên kết nối kéo dài 3600 giây.
Kỹ thuật tấn công T1110.001 (Password Guessing) và T1190 theo MITRE ATT&CK; chiến thuật TA0006.
Quy tắc phát hiện brute_force_ssh_2026 kích hoạt 5 lần, mức cảnh báo cao, mã cảnh báo 202611-0a1b2c3d4e5f60718293.
Sự cố INC-2026-000012 được phân loại nghiêm trọng lúc 10:05 và khống chế lúc 11:40 cùng ngày.
Mã báo cáo 550e8400-e29b-41d4-a716-446655440000 đã được tiếp nhận, thời gian 2026-11-22T08:01:00.000Z.
Trung tâm Giám sát an toàn, an ninh mạng tỉnh Tây Ninh phối hợp với Công an tỉnh và Sở Khoa học và Công nghệ.
Đơn vị vận hành là Trung tâm Công nghệ thông tin và Truyền thông thuộc Sở Thông tin và Truyền thông.
Ủy ban nhân dân tỉnh giao Văn phòng làm đầu mối, các phường Tân Ninh, Hòa Thành và xã Dương Minh Châu phối hợp.
Thành phố Hồ Chí Minh, Hà Nội, Đà Nẵng, Lâm Đồng, Cao Bằng và Thái Nguyên chưa ghi nhận sự cố tương tự.
Bộ Công an, Cục An ninh mạng và phòng, chống tội phạm sử dụng công nghệ cao (A05) đã được thông báo.
Nguyên nhân ban đầu là tài khoản quản trị dùng mật khẩu yếu và chưa bật xác thực hai yếu tố.
Người dùng bị khóa sau năm lần đăng nhập sai; mật khẩu đã được đặt lại cho toàn bộ tài khoản bị ảnh hưởng.
Chưa phát hiện dữ liệu cá nhân bị lộ; khoảng 120 chủ thể dữ liệu có thể bị ảnh hưởng, gồm họ tên và số điện thoại.
Phạm vi ảnh hưởng: hai máy chủ ứng dụng và một cơ sở dữ liệu; không lây lan sang hệ thống khác.
Đã cô lập máy chủ, thu thập chứng cứ số, thay khóa và rà soát nhật ký trong 90 ngày gần nhất.
Biện pháp dự kiến: nâng cấp tường lửa ứng dụng web, phân vùng mạng, sao lưu ngoại tuyến hàng tuần.
Đề nghị Trung tâm An ninh mạng quốc gia hỗ trợ phân tích mã độc và chia sẻ dấu hiệu nhận biết.
Cuộc diễn tập ngày 15/10/2026 có 12 đội tham gia, thời lượng 4 giờ, không ảnh hưởng dịch vụ thật.
Mức độ tin cậy của cảnh báo là 0,87; ngưỡng là 0,5; 3 trong 41 cảnh báo là dương tính giả.
Camera giám sát tại bãi cát ngừng truyền từ 22:10 đến 23:45, nguyên nhân do mất điện.
Tổng đài 1022 và đường dây nóng 113 không bị ảnh hưởng.
Hạn báo cáo tiếp theo là 17:00 ngày 25/12/2026; báo cáo năm tính từ 15/12/2025 đến 14/12/2026.
Kết quả xử lý: dịch vụ hoạt động trở lại lúc 14 giờ 20 phút, thời gian gián đoạn 1 giờ 35 phút.
Tên miền dvc.tayninh.example và egov.tayninh.example vẫn truy cập được từ Internet.
Tên miền độc hại update-check.example.net và cdn.bad.example.org trỏ về 198.51.100.23, TTL 300.
Tiến trình powershell.exe do winword.exe khởi chạy, tải tệp invoice.docm và payload.dll về thư mục tạm.
Yêu cầu GET /wp-login.php và POST /xmlrpc.php trả về mã 401 và 403, tổng cộng 8.204 lần.
Tác nhân người dùng Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 được dùng trong mọi yêu cầu.
Giao thức TLS 1.2 và TLS 1.3, bộ mã AES-256-GCM, khóa RSA-2048, hàm băm SHA-256, mã hóa UTF-8.
Tệp /etc/passwd và /var/log/auth.log bị đọc; nhật ký ghi nhận tại /var/log/nginx/access.log.
Tiêu chuẩn TCVN 11930:2017, TCVN 14423:2026 và ISO/IEC 27001:2022 được áp dụng, cấp độ 3.
Hội đồng đánh giá cao điểm mạnh của quy trình; lý do chậm là thiếu nhân sự trực đêm.
Phụ lục 2 kèm Kế hoạch số 45/KH-UBND ngày 05/02/2026, Công văn 812/STTTT-CNTT và Biên bản 07/BB-TTGS.
Password guessing against the public services portal from 203.0.113.77, 5 accounts tried in 60 seconds.
Multiple failed logins followed by a success; the user was locked after 5 attempts and the password was reset.
SQL injection attempt blocked by the web application firewall; no effect on the service, 1,284 requests dropped.
The attacker used a bearer token that had expired; sessions were revoked and all cookies invalidated at 10:42 UTC.
Ransomware note found; 3 of 16 servers encrypted, backups from 2026-11-20 are intact, recovery takes 6 to 8 hours.
DNS tunnelling suspected: 14,203 TXT queries in 15 minutes to one domain, average length 180 characters.
Traffic of 3.2 Gbit/s and 1,250,000 packets per second arrived at the edge; mitigation began after 4 minutes.
Version 4.18.0-513.9.1.el8_9.x86_64 of the kernel is affected, fixed in 4.18.0-513.11.1.
The scan covered 65535 ports on 254 addresses of 198.51.100.0/24 within 00:12:09.
Certificate serial 04:9f:2a:11:5c:77:90:ab:cd:ef expired on 2026-11-01 and was renewed for 397 days.
Event 4625 occurred 2,314 times, event 4624 twice, event 1102 once; logon type 3, status 0xC000006D.
Phishing mail with subject "Thông báo nộp thuế" reached 42 mailboxes; 3 people opened the attachment.
Rule fired on web shell upload; file name shell.jsp, size 4096 bytes, removed at 11:20.
Account lockout storm, caused by a stale service credential; token rotation is planned for week 48.
Session hijacking was ruled out; user agents and addresses did not change during the session.
The report is due within 72 hours; the first notice left after 3 hours 12 minutes with number 12/BC-TTGS.
Severity serious, level 3, flags: serious_disruption; detection by correlation of 3 rules over 15 minutes.
Threshold 20 in 60 s; observed 1,042; baseline 3.5 per minute; z-score 17.2.
Exploit for log4j 2.14.1 failed, since the server runs 2.17.1; HTTP status 400 in all 37 cases.
Lưu lượng tăng từ 120 Mbit/s lên 2,4 Gbit/s; mất gói 12 %; độ trễ 350 ms trong 27 phút.
Số sê-ri thiết bị không ghi trong báo cáo; phiên bản phần mềm FortiOS 7.2.5 build 1517.
Đợt tấn công thứ hai diễn ra từ 20:00 ngày 24/11 đến 01:30 ngày 25/11/2026, nguồn gồm 1.482 địa chỉ thuộc 37 quốc gia.
Trong 3 ngày qua có 7 sự kiện và 2 sự cố; 41 báo cáo đã gửi, 41 báo cáo được xác nhận.
Ông chủ tịch yêu cầu rà soát toàn bộ; bà con không phải nộp lại hồ sơ đã tiếp nhận.
Cán bộ trực ca đã xử lý theo quy trình; đồng chí lãnh đạo phê duyệt báo cáo lúc 16:45.
Anh hưởng tới hoạt động của bộ phận một cửa cấp xã là không đáng kể, khoảng 2 % giao dịch.
Hồ Dầu Tiếng và núi Bà Đen không liên quan; trạm quan trắc hoạt động bình thường.
Mã lỗi 0x80070005, thời điểm 1763798460 giây kỷ nguyên, bộ đếm 4294967295, cổng nguồn 51324.
Khôi phục từ bản sao lưu ngày 20-11-2026 lúc 01:00, kiểm tra 10 điểm dữ liệu, không sai lệch.
Ngày 08-11-2026 10:20 ghi nhận lần dò quét đầu tiên; ngày 09.11.2026 08 giờ ghi nhận lần thứ hai.
Tỷ lệ 3/5 đơn vị trả lời trước hạn; đơn vị còn lại trả lời ngày 2026-11-26 và 2026-11-27.
Quét lỗ hổng bằng công cụ Nmap 7.94 và Nessus 10.6.4; điểm CVSS 9.8 và 7.5.
Đã thông báo cho nhà cung cấp hosting và đơn vị cung cấp dịch vụ an toàn thông tin qua điện thoại.
Không có hình ảnh, sinh trắc học hay dữ liệu vị trí nào được gửi kèm báo cáo này.
Người báo cáo đề nghị giữ bí mật thông tin; bản giấy số 12/M-SOC lưu tại bộ phận văn thư.
""".splitlines()

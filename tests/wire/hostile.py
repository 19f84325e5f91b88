"""Text that a caller might send to be taken for something else."""

# What an expansion, a dial string, a list of variables or a command line would be read from.
TEXTS = (
    "${system(id)}", "$${sounds_dir}", "$\\{a}", "%{a}", "%[a=b]c", "%![a=b]c", "@{a}", "{a=b}", "[a=b]", "<a=b>",
    "a]b", "a}b", "a>b", "[", "]", "{", "}", "<", ">", "^^~a=b~c=d", "^^", "~", "a~b=c", ";", "a;b=c", ",", "a,b", "|",
    "a|b", ":_:", "a:_:b", "'", "a'b", "\"", "\\", "\\n", "\\'", "a\\,b", "`id`", "$(id)", "&& hangup", "&hangup()",
    "a b", " a", "a ", "  ", "", "a\tb", "=", "a=b", "a==b", "!", "a!b", "#", "%", "%00", "%0A", "%0a%0aapi status",
    "a\nb", "\n", "\n\napi status\n\n", "a\r\nb", "\r", "a\x00b", "a\x0bb", "a\x0cb", "a\x1cb", "a\x1db", "a\x1eb",
    "a\x1fb", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b", "a\u00a0b", "a\u3000b", "\u202eb", "\u200fa", "a\u200bb",
    "\ufeffa", "é", "中文", "٣", "²", "ﬁ", "İ", "😀", "a\u0301", "\ud800", "a" * 64, "a" * 65, "a" * 600, "9" * 5000,
    "variable_x: 1", "X-Injected: yes", "Content-Length: 5", "sofia/internal/1001@h", "user/1001", "loopback/9",
    "error/USER_BUSY", "group/all@h", "1001@evil", "1001@evil;fs_path=sip:h", "..", "-", "+44", "*43", "conf_1", "a/b",
)  # fmt: skip

# What parts lines somewhere, as FreeSWITCH may send it inside a value: encoded, or as it is.
BREAKS = (
    b"%0A", b"%0a", b"%0D", b"%0D%0A", b"%0A%0A", b"%0B", b"%0C", b"%1C", b"%1D", b"%1E", b"%C2%85", b"%E2%80%A8",
    b"%E2%80%A9", b"\x0b", b"\x0c", b"\r", b"\x1c", b"\x1d", b"\x1e", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9",
    b"\x00", b"%00", b" ", b"",
)  # fmt: skip

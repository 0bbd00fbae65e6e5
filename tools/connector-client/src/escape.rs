// SPDX-License-Identifier: GPL-2.0

//! Escaped names in files of the kernel: bytes that would break a line or a column are in octal, as in `/proc/mounts`.

/// Decodes escapes such as `\012`. A backslash without three octal digits of a byte after it stands for itself.
pub(crate) fn decode(escaped: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((&first, behind)) = rest.split_first() {
        match (first, behind.first_chunk().and_then(byte_of)) {
            (b'\\', Some(byte)) => {
                decoded.push(byte);
                rest = behind.get(3..).unwrap_or_default();
            }
            _ => {
                decoded.push(first);
                rest = behind;
            }
        }
    }
    decoded
}

fn byte_of(digits: &[u8; 3]) -> Option<u8> {
    let number = digits.iter().try_fold(0u32, |number, digit| {
        matches!(digit, b'0'..=b'7').then(|| number * 8 + u32::from(digit - b'0'))
    })?;
    u8::try_from(number).ok()
}

/// Decodes UTF-8, and replaces invalid bytes.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Splits at the first separator.
pub(crate) fn split_once<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes
        .windows(separator.len().max(1))
        .position(|window| window == separator)?;
    Some((bytes.get(..at)?, bytes.get(at + separator.len()..)?))
}

/// The lines of a file, without line feeds. Bytes after the last line feed are a line, too.
pub(crate) fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let file = file.strip_suffix(b"\n").unwrap_or(file);
    file.split(|&byte| byte == b'\n')
        .skip(usize::from(file.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_digits_are_a_byte() {
        for (escaped, decoded) in [
            (r"a\012b\040c\134", &b"a\nb c\\"[..]),
            (r"\377\000", b"\xff\0"),
            (r"\400\08\12", br"\400\08\12"),
            (r"\\134", br"\\"),
            (r"\", br"\"),
            ("", b""),
        ] {
            assert_eq!(decode(escaped.as_bytes()), decoded, "{escaped}");
        }
    }

    #[test]
    fn lines_end_with_a_line_feed_only() {
        let all = |file| lines(file).collect::<Vec<_>>();
        assert!(all(b"").is_empty());
        assert_eq!(all(b"a\r\n\nb\x0bc"), [&b"a\r"[..], b"", b"b\x0bc"]);
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Names in files of the kernel: bytes that would break a line or a column are written in octal, as in `/proc/mounts`.

/// Decodes `\012` and the like. A backslash that is not followed by three octal digits of a byte stands for itself.
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

/// Bytes that may be no UTF-8; what is not is replaced.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The two sides of the first place where the separator is.
pub(crate) fn split_once<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes
        .windows(separator.len().max(1))
        .position(|window| window == separator)?;
    Some((bytes.get(..at)?, bytes.get(at + separator.len()..)?))
}

/// The lines of a file, without their ends; what is behind the last end is a line unless it is empty.
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

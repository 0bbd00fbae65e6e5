// SPDX-License-Identifier: GPL-2.0

//! Standard output: lines for people, or JSON.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use serde_json::Value;

use crate::arguments::{Color, Payload};
use crate::failure::Failure;

pub(crate) struct Output {
    to: BufWriter<StdoutLock<'static>>,
    pub(crate) json: bool,
    color: bool,
    terminal: bool,
    /// Standard output has a capture, and so no lines.
    muted: bool,
}

/// How a piece of text is set.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    Title,
    Good,
    Bad,
    Dim,
}

impl Output {
    pub(crate) fn new(json: bool, color: Color) -> Self {
        let terminal = io::stdout().is_terminal();
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        Self {
            to: BufWriter::with_capacity(64 * 1024, io::stdout().lock()),
            json,
            color,
            terminal,
            muted: false,
        }
    }

    /// Leaves standard output to bytes that no person can read, if that is sensible.
    pub(crate) fn mute(&mut self) -> Result<(), Failure> {
        let why = if self.terminal {
            "--write -: standard output is a terminal; pipe it into a program, or name a file"
        } else if self.json {
            "--write -: --json wants standard output too; name a file"
        } else {
            self.muted = true;
            return Ok(());
        };
        Err(Failure::Usage(why.to_owned()))
    }

    /// The text, in colour where there is any.
    pub(crate) fn styled(&self, style: Style, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match style {
            Style::Title => 1,
            Style::Good => 32,
            Style::Bad => 31,
            Style::Dim => 2,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Bad news about the lines: one of them, or for standard error.
    pub(crate) fn note(&mut self, text: &str, object: &Value) -> Result<(), Failure> {
        if self.muted {
            // Who has closed it does not want to know.
            let _ = writeln!(io::stderr(), "cnctl: {text}");
            Ok(())
        } else if self.json {
            self.object(object)
        } else {
            let text = self.styled(Style::Bad, text);
            self.line(&text)
        }
    }

    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.bytes(line.as_bytes())?;
        self.bytes(b"\n")
    }

    /// What was put together by who is in a hurry, with its end of line.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.muted {
            return Ok(());
        }
        Ok(self.to.write_all(bytes)?)
    }

    pub(crate) fn object(&mut self, object: &Value) -> Result<(), Failure> {
        if self.muted {
            return Ok(());
        }
        let text = serde_json::to_string(object).map_err(io::Error::from)?;
        self.line(&json_printable(&text))
    }

    /// What was written is seen.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.to.flush()?)
    }

    /// Begins a live view anew. Where nothing can be overwritten, what follows is another one.
    pub(crate) fn again(&mut self) -> Result<(), Failure> {
        if self.terminal && !self.json {
            self.to.write_all(b"\x1b[H\x1b[2J")?;
        }
        Ok(())
    }

    /// Columns as wide as they need to be; the last one is not padded.
    pub(crate) fn table(&mut self, title: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
        let width = |column: usize| {
            let cells = rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count());
            cells
                .chain(title.get(column).map(|cell| cell.chars().count()))
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<_> = (0..title.len()).map(width).collect();
        let set = |cells: &[&str]| {
            let padded = cells
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let title = self.styled(Style::Title, &set(title));
        self.line(&title)?;
        for row in rows {
            let row: Vec<_> = row.iter().map(|cell| printable(cell)).collect();
            self.line(&set(&row.iter().map(String::as_str).collect::<Vec<_>>()))?;
        }
        Ok(())
    }
}

/// Whether a terminal shows a character, and does nothing else with it.
fn is_shown(c: char) -> bool {
    matches!(c, '"' | '\'') || c != '\\' && c.escape_debug().len() == 1
}

/// A text of others, of which nothing moves the cursor or turns the direction: what would is written in octal, as the kernel's
/// files do.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_shown(c) {
            shown.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                shown += &format!("\\{byte:03o}");
            }
        }
    }
    shown
}

/// JSON escapes only some of these. Outside of its strings there are none.
fn json_printable(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if is_shown(c) || c == '\\' {
            shown.push(c);
        } else {
            for half in c.encode_utf16(&mut [0; 2]) {
                shown += &format!("\\u{half:04x}");
            }
        }
    }
    shown
}

/// Says on standard error that a file of the kernel has lines that make no sense.
pub(crate) fn tell_odd(file: &str, lines: &[String]) {
    if let Some(first) = lines.first() {
        let number = lines.len();
        let first: String = printable(first).chars().take(200).collect();
        // If nobody hears it, the rest is true all the same.
        let _ = writeln!(
            io::stderr(),
            "cnctl: {file} has lines that make no sense ({number}), left out here: \"{first}\""
        );
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends the bytes as hexadecimal digits.
pub(crate) fn append_hex(to: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        to.push(DIGITS[usize::from(byte >> 4)]);
        to.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// Appends the bytes as text; what can't be printed is a dot.
fn append_text(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend(bytes.iter().map(|&byte| {
        if (b' '..=b'~').contains(&byte) {
            byte
        } else {
            b'.'
        }
    }));
}

/// Appends a payload as it is to be shown, with a space before it.
pub(crate) fn append_payload(to: &mut Vec<u8>, payload: &[u8], form: Payload) {
    if payload.is_empty() {
        return;
    }
    if matches!(form, Payload::Hex | Payload::Both) {
        to.push(b' ');
        append_hex(to, payload);
    }
    if matches!(form, Payload::Text | Payload::Both) {
        to.extend_from_slice(b" \"");
        append_text(to, payload);
        to.push(b'"');
    }
}

/// A payload for JSON: always its digits, and the text if it is one.
pub(crate) fn payload_json(payload: &[u8]) -> (Value, Value) {
    let mut digits = Vec::new();
    append_hex(&mut digits, payload);
    let digits = String::from_utf8_lossy(&digits).into_owned();
    // Strings of C end with a zero.
    let text = payload.strip_suffix(&[0]).unwrap_or(payload);
    (
        digits.into(),
        std::str::from_utf8(text).map_or(Value::Null, Value::from),
    )
}

/// So many were lost; who cannot know the number says so.
pub(crate) fn lost_text(number: Option<u64>) -> String {
    match number {
        Some(1) => "1 datagram was lost".to_owned(),
        Some(number) => format!("{number} datagrams were lost"),
        None => "datagrams were lost; without /proc nobody knows how many".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_line() {
        assert_eq!(printable("a\x1b[2J\nb"), "a\\033[2J\\012b");
        assert_eq!(
            printable("\\n \u{9b}\u{202e}\"ü'"),
            "\\134n \\302\\233\\342\\200\\256\"ü'"
        );
        let object = Value::from("\x1b\u{9b}\x7f\u{e0001}\\\"ü").to_string();
        let shown = json_printable(&object);
        assert_eq!(shown, r#""\u001b\u009b\u007f\udb40\udc01\\\"ü""#);
        assert_eq!(
            serde_json::from_str::<Value>(&shown).unwrap(),
            serde_json::from_str::<Value>(&object).unwrap()
        );
    }

    #[test]
    fn payloads() {
        let shown = |form| {
            let mut text = Vec::new();
            append_payload(&mut text, b"a\x00\xff", form);
            String::from_utf8(text).unwrap()
        };
        assert_eq!(shown(Payload::Both), " 6100ff \"a..\"");
        assert_eq!(shown(Payload::Hex), " 6100ff");
        assert_eq!(shown(Payload::Text), " \"a..\"");
        assert_eq!(shown(Payload::None), "");
        assert_eq!(payload_json(b"ab\0"), ("616200".into(), "ab".into()));
        assert_eq!(payload_json(b"\xff"), ("ff".into(), Value::Null));
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Standard output: text or JSON.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use serde_json::Value;

use crate::arguments::{Color, Payload};
use crate::failure::Failure;

pub(crate) struct Output {
    to: BufWriter<StdoutLock<'static>>,
    pub(crate) json: bool,
    color: bool,
    terminal: bool,
    /// Whether lines are suppressed, because standard output is a capture.
    muted: bool,
}

/// The style of a text.
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

    /// Suppresses lines, to use standard output for a capture. Fails if standard output is needed for text.
    pub(crate) fn mute(&mut self) -> Result<(), Failure> {
        let why = if self.terminal {
            "--write -: standard output is a terminal; pipe it into a program, or name a file"
        } else if self.json {
            "--write -: --json needs standard output, too; name a file"
        } else {
            self.muted = true;
            return Ok(());
        };
        Err(Failure::Usage(why.to_owned()))
    }

    /// Applies a style, if colour is on.
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

    /// Reports a problem as a line of the output, or on standard error if lines are suppressed.
    pub(crate) fn note(&mut self, text: &str, object: &Value) -> Result<(), Failure> {
        if self.muted {
            // Standard error may be closed, which is no failure.
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

    /// Writes a line that is already formatted, with its line feed.
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

    /// Flushes the buffer.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.to.flush()?)
    }

    /// Clears the terminal for the next state of a live view. In other outputs the states follow each other.
    pub(crate) fn again(&mut self) -> Result<(), Failure> {
        if self.terminal && !self.json {
            self.to.write_all(b"\x1b[H\x1b[2J")?;
        }
        Ok(())
    }

    /// Prints a table. Columns are as wide as their cells; the last column is not padded.
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

/// Whether a character has no effect on a terminal except that it is shown.
fn is_shown(c: char) -> bool {
    matches!(c, '"' | '\'') || c != '\\' && c.escape_debug().len() == 1
}

/// Makes a text from elsewhere safe to print: characters that move the cursor or change the direction of text become octal, as
/// in the kernel's files.
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

/// Escapes the characters that JSON permits in strings and terminals interpret. JSON has none outside of strings.
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

/// Reports invalid lines of a kernel file on standard error.
pub(crate) fn report_odd(file: &str, lines: &[String]) {
    if let Some(first) = lines.first() {
        let number = lines.len();
        let first: String = printable(first).chars().take(200).collect();
        // Standard error may be closed, which is no failure.
        let _ = writeln!(
            io::stderr(),
            "cnctl: {file} has invalid lines ({number}), which are skipped: \"{first}\""
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

/// Appends the bytes as text, with a dot for each byte that cannot be printed.
fn append_text(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend(bytes.iter().map(|&byte| {
        if (b' '..=b'~').contains(&byte) {
            byte
        } else {
            b'.'
        }
    }));
}

/// Appends a payload in the chosen form, after a space.
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

/// A payload for JSON: its hexadecimal digits, and its text if it is UTF-8.
pub(crate) fn payload_json(payload: &[u8]) -> (Value, Value) {
    let mut digits = Vec::new();
    append_hex(&mut digits, payload);
    let digits = String::from_utf8_lossy(&digits).into_owned();
    // C strings end with a zero.
    let text = payload.strip_suffix(&[0]).unwrap_or(payload);
    (
        digits.into(),
        std::str::from_utf8(text).map_or(Value::Null, Value::from),
    )
}

/// A sentence about lost datagrams. Without /proc, their number is unknown.
pub(crate) fn lost_text(number: Option<u64>) -> String {
    match number {
        Some(1) => "1 datagram was lost".to_owned(),
        Some(number) => format!("{number} datagrams were lost"),
        None => "datagrams were lost; without /proc, their number is unknown".to_owned(),
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

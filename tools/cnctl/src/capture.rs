// SPDX-License-Identifier: GPL-2.0

//! Captures for Wireshark of the datagrams that a socket sends and receives, in the format of nlmon devices.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_client::{Direction, Socket};

use crate::arguments::Write;
use crate::failure::Failure;
use crate::output::Output;

/// Indicates times in nanoseconds, and the byte order of the file.
const MAGIC: u32 = 0xa1b2_3c4d;
const VERSION: [u16; 2] = [2, 4];
/// More than the largest datagram that is received, and the limit of Wireshark.
const LARGEST: u32 = 256 * 1024;
const LINKTYPE_NETLINK: u32 = 253;

/// The size of the header of each datagram: direction, `ARPHRD_NETLINK`, no address, protocol, in network byte order.
const COOKED: usize = 16;
const TO_US: u16 = 0;
const FROM_US: u16 = 4;
const ARPHRD_NETLINK: u16 = 824;
const NETLINK_CONNECTOR: u16 = 11;

/// The capture, if one was requested.
pub(crate) struct Capture(Option<Arc<Mutex<Records>>>);

impl Capture {
    /// Starts the requested capture of all datagrams that the socket sends and receives. To be called before signals are
    /// caught: opening a pipe may wait for a reader.
    pub(crate) fn begin(
        options: &Write,
        socket: &mut Socket,
        out: &mut Output,
    ) -> Result<Self, Failure> {
        let Some(path) = &options.file else {
            return Ok(Self(None));
        };
        let standard = path == Path::new("-");
        let name = if standard {
            out.mute()?;
            "standard output".to_owned()
        } else {
            path.display().to_string()
        };
        let file = if standard {
            io::stdout().as_fd().try_clone_to_owned().map(File::from)
        } else {
            File::create(path)
        };
        let records = match file.and_then(Records::begin) {
            Ok(records) => Arc::new(Mutex::new(records)),
            Err(error) => return Err(failure(name, error)),
        };
        lock(&records).name = name;
        let shared = Arc::clone(&records);
        socket.tap(move |direction, datagram| lock(&shared).append(direction, datagram));
        Ok(Self(Some(records)))
    }

    /// Returns the error of a write that failed.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let Some(records) = &self.0 else {
            return Ok(());
        };
        let mut records = lock(records);
        match records.failed.take() {
            Some(error) => Err(failure(records.name.clone(), error)),
            None => Ok(()),
        }
    }
}

fn lock(records: &Mutex<Records>) -> MutexGuard<'_, Records> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failure(name: String, error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::OutputClosed
    } else {
        Failure::Capture { name, error }
    }
}

/// The file. Each record is written at once, with one system call, so the file is a valid capture at any time.
struct Records {
    file: File,
    name: String,
    /// The buffer for a record.
    record: Vec<u8>,
    /// The offset after the last complete record.
    end: u64,
    /// Whether writing has failed, so that no further record is written.
    closed: bool,
    failed: Option<io::Error>,
}

impl Records {
    fn begin(mut file: File) -> io::Result<Self> {
        file.write_all(&file_header())?;
        Ok(Self {
            // Standard output may be appended to a file that is not empty. A pipe has length 0.
            end: file.metadata()?.len(),
            file,
            name: String::new(),
            record: Vec::new(),
            closed: false,
            failed: None,
        })
    }

    fn append(&mut self, direction: Direction, datagram: &[u8]) {
        if self.closed {
            return;
        }
        let time = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.record.clear();
        append_record(&mut self.record, time, direction, datagram);
        match self.file.write_all(&self.record) {
            Ok(()) => self.end += self.record.len() as u64,
            Err(error) => {
                // Remove a part of the record. This fails for a pipe, and then nothing can be done.
                let _ = self.file.set_len(self.end);
                self.closed = true;
                self.failed = Some(error);
            }
        }
    }
}

fn file_header() -> Vec<u8> {
    let mut header = MAGIC.to_ne_bytes().to_vec();
    header.extend(VERSION.map(u16::to_ne_bytes).concat());
    // The offset from UTC, the accuracy of times (unknown), the largest record, the type.
    for number in [0, 0, LARGEST, LINKTYPE_NETLINK] {
        header.extend(number.to_ne_bytes());
    }
    header
}

/// Appends a record. Times and lengths have 32 bits.
fn append_record(to: &mut Vec<u8>, time: Duration, direction: Direction, datagram: &[u8]) {
    let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    let length = u32::try_from(COOKED + datagram.len()).unwrap_or(u32::MAX);
    for number in [seconds, time.subsec_nanos(), length, length] {
        to.extend(number.to_ne_bytes());
    }
    let way = match direction {
        Direction::Sent => FROM_US,
        Direction::Received => TO_US,
    };
    for number in [way, ARPHRD_NETLINK, 0, 0, 0, 0, 0, NETLINK_CONNECTOR] {
        to.extend(number.to_be_bytes());
    }
    to.extend_from_slice(datagram);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_of_the_file() {
        let header = file_header();
        let number = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().unwrap());
        assert_eq!((header.len(), number(0), number(20)), (24, MAGIC, 253));
        assert_eq!(
            header[4..8],
            [2u16.to_ne_bytes(), 4u16.to_ne_bytes()].concat()
        );
    }

    #[test]
    fn record_of_a_datagram() {
        let mut record = Vec::new();
        let time = Duration::new(11, 7);
        append_record(&mut record, time, Direction::Received, b"abc");
        append_record(&mut record, time, Direction::Sent, b"");
        let numbers: Vec<_> = [11, 7, 19, 19].map(u32::to_ne_bytes).concat();
        assert_eq!(record[..16], numbers);
        assert_eq!(record[16..32], *b"\0\0\x03\x38\0\0\0\0\0\0\0\0\0\0\0\x0b");
        assert_eq!(record[32..35], *b"abc");
        assert_eq!(
            record[35 + 16..],
            *b"\0\x04\x03\x38\0\0\0\0\0\0\0\0\0\0\0\x0b"
        );
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert!(matches!(
            Records::begin(full).map_err(|error| error.kind()),
            Err(io::ErrorKind::StorageFull)
        ));
    }
}

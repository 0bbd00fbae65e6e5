// SPDX-License-Identifier: GPL-2.0

//! Drives `cn_client.ko`; selftests/modules/cn_client.c says the commands.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};

/// One command, from which nothing but success is expected.
pub(crate) fn tell(command: &str) -> io::Result<()> {
    Client::open()?.tell(command)
}

/// Removes what tests have left. Those that need no test module run without it as well.
pub(crate) fn clear() -> io::Result<()> {
    match tell("clear") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Commands of one thread; the file stays open.
pub(crate) struct Client(File);

impl Client {
    pub(crate) fn open() -> io::Result<Self> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open("/proc/cn_client")
            .map(Self)
    }

    pub(crate) fn tell(&mut self, command: &str) -> io::Result<()> {
        self.0.write_all(command.as_bytes())
    }
}

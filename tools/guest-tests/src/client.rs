// SPDX-License-Identifier: GPL-2.0

//! Sends commands to the test module `cn_client.ko`. The folder `cn_client` of the test modules has the commands.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};

/// Sends one command.
pub(crate) fn command(command: &str) -> io::Result<()> {
    Client::open()?.command(command)
}

/// Removes the callbacks that tests have left. Tests that need no test module run without it, too.
pub(crate) fn clear() -> io::Result<()> {
    match command("clear") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The open command file, for a series of commands.
pub(crate) struct Client(File);

impl Client {
    pub(crate) fn open() -> io::Result<Self> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open("/proc/cn_client")
            .map(Self)
    }

    pub(crate) fn command(&mut self, command: &str) -> io::Result<()> {
        self.0.write_all(command.as_bytes())
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Ctrl-C as a file descriptor that becomes readable, so that whoever waits can end in order.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::failure::Failure;

pub(crate) fn stop() -> Result<UnixStream, Failure> {
    let failed = |error| Failure::File {
        name: "signals".to_owned(),
        error,
    };
    let (ours, handler) = UnixStream::pair().map_err(failed)?;
    for signal in [SIGINT, SIGTERM] {
        pipe::register(signal, handler.try_clone().map_err(failed)?).map_err(failed)?;
    }
    Ok(ours)
}

/// Sleeps; true if it was told to stop.
pub(crate) fn sleep(stop: &mut UnixStream, time: Duration) -> Result<bool, Failure> {
    let failed = |error| Failure::File {
        name: "signals".to_owned(),
        error,
    };
    stop.set_read_timeout(Some(time)).map_err(failed)?;
    match stop.read(&mut [0]) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Ok(false)
        }
        // The byte of the signal is there by now.
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(failed(error)),
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Ctrl-C makes a file descriptor readable, so waits can end in order. The second Ctrl-C ends the program at once, for example
//! while it waits for a reader of its output.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::pipe;

use crate::failure::Failure;

pub(crate) fn stop() -> Result<UnixStream, Failure> {
    let failed = |error| Failure::File {
        name: "signals".to_owned(),
        error,
    };
    let (ours, handler) = UnixStream::pair().map_err(failed)?;
    let before = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, before.clone()).map_err(failed)?;
        flag::register(signal, before.clone()).map_err(failed)?;
        pipe::register(signal, handler.try_clone().map_err(failed)?).map_err(failed)?;
    }
    Ok(ours)
}

/// Sleeps; true if a signal ended the sleep.
pub(crate) fn sleep(stop: &mut UnixStream, time: Duration) -> Result<bool, Failure> {
    let failed = |error| Failure::File {
        name: "signals".to_owned(),
        error,
    };
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        // A time-out of 0 would be no limit.
        stop.set_read_timeout(Some(left.max(Duration::from_millis(1))))
            .map_err(failed)?;
        match stop.read(&mut [0]) {
            Ok(_) => return Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(false)
            }
            // A signal that is handled here, whose byte can be read now, or the program was stopped and continued.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

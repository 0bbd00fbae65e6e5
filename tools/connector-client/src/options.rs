// SPDX-License-Identifier: GPL-2.0

//! How a socket is opened.

use crate::{Error, Socket};

/// How a socket is opened.
///
/// ```no_run
/// use connector_client::Options;
///
/// let socket = Options::new().receive_buffer(8 << 20).open()?;
/// # Ok::<(), connector_client::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) receive_buffer: Option<usize>,
    pub(crate) largest_datagram: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            receive_buffer: None,
            largest_datagram: 128 * 1024,
        }
    }
}

impl Options {
    /// Those of [`Socket::open`].
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes of messages the kernel keeps until they are read; by default
    /// `/proc/sys/net/core/rmem_default`. Each message takes some 700 bytes of it and more. Without `CAP_NET_ADMIN` it is
    /// at most `/proc/sys/net/core/rmem_max`.
    #[must_use]
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// How large a datagram may be; larger ones are [`DecodeError::Truncated`](crate::wire::DecodeError::Truncated).
    /// 128 KiB by default, and 16 MiB at most.
    #[must_use]
    pub fn largest_datagram(mut self, bytes: usize) -> Self {
        self.largest_datagram = bytes.clamp(1, 16 << 20);
        self
    }

    /// Opens a socket.
    ///
    /// # Errors
    ///
    /// As [`Socket::open`].
    pub fn open(&self) -> Result<Socket, Error> {
        Socket::with_options(self)
    }
}

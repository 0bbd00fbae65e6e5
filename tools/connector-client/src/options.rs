// SPDX-License-Identifier: GPL-2.0

//! The options of a socket.

use crate::{Error, Socket};

/// The options of a socket.
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
    /// The options of [`Socket::open`].
    pub fn new() -> Self {
        Self::default()
    }

    /// The size of the receive buffer in bytes; `/proc/sys/net/core/rmem_default` by default. Each message takes 700 bytes of
    /// it or more. Without `CAP_NET_ADMIN` the largest size is `/proc/sys/net/core/rmem_max`.
    #[must_use]
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// The size of the largest datagram in bytes; 128 KiB by default, 16 MiB at most. A larger datagram is
    /// [`DecodeError::Truncated`](crate::wire::DecodeError::Truncated).
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

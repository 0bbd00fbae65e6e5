// SPDX-License-Identifier: GPL-2.0

//! Requests that are sent repeatedly.

use crate::request::Expected;
use crate::wire::Datagram;
use crate::Request;

/// A request whose bytes are encoded once, to be sent repeatedly. Each time it is sent with a new `seq`.
///
/// ```no_run
/// use connector_client::{Id, Request, Socket};
/// use std::time::Duration;
///
/// let mut socket = Socket::open()?;
/// let mut request = Request::new(Id::new(20, 1), b"ping".as_slice())?.prepare();
/// for _ in 0..3 {
///     let reply = socket.ask(&mut request, Duration::from_secs(1))?;
///     println!("{}", String::from_utf8_lossy(&reply.payload));
///     std::thread::sleep(Duration::from_secs(10));
/// }
/// # Ok::<(), connector_client::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(crate) datagram: Datagram,
    pub(crate) expected: Expected,
}

impl Request<'_> {
    /// Encodes the request, for [`Socket::ask`](crate::Socket::ask) and
    /// [`Socket::start_prepared`](crate::Socket::start_prepared).
    pub fn prepare(&self) -> Prepared {
        let mut datagram = Datagram::new();
        datagram.push(&self.message, 0, false);
        Prepared {
            datagram,
            expected: self.expected(),
        }
    }
}

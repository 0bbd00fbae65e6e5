// SPDX-License-Identifier: GPL-2.0

//! One attempt to receive a datagram, and waiting for the next one.

use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;
use std::time::Instant;

use nix::sys::socket::{recvmsg, ControlMessageOwned, MsgFlags, NetlinkAddr};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::net::RecvFlags;

use super::Socket;
use crate::error::{EAGAIN, ENOBUFS};
use crate::wire::DecodeError;
use crate::{Direction, Error};

/// The result of one attempt to receive.
pub(super) enum Attempt {
    /// A datagram is in the buffer. The number is its group, if it was multicast.
    Datagram(Option<u32>),
    /// The kernel dropped datagrams; their number, if it is known.
    Lost(Option<u64>),
    /// The datagram was larger than the buffer.
    Truncated(DecodeError),
    /// Another sender than the kernel sent the datagram.
    Foreign,
    /// There is no datagram.
    Empty,
}

/// The reason why the buffer has no datagram of the kernel.
pub(super) enum NoDatagram {
    /// The descriptor that stops waits has to be polled first.
    StopUnpolled,
    /// A datagram with this size and from this port. It is not from the kernel, or does not fit into the buffer.
    Unusable(usize, u32),
    Failed(io::Error),
}

/// The number of datagrams after which the descriptor that stops waits is polled.
const UNPOLLED: u32 = 256;

impl Socket {
    /// Receives the kernel's next datagram into the buffer, and returns its group. This is the fast path.
    #[inline(always)]
    pub(super) fn datagram(&mut self) -> Result<Option<u32>, NoDatagram> {
        if self.stop.is_some() {
            self.unpolled += 1;
            if self.unpolled >= UNPOLLED {
                return Err(NoDatagram::StopUnpolled);
            }
        }
        if self.named.is_some() {
            return self.named_datagram();
        }
        self.buffer.clear();
        // With MSG_TRUNC the kernel returns the size of the datagram, even if the buffer is smaller.
        let flags = (RecvFlags::DONTWAIT | RecvFlags::TRUNC).bits() as i32;
        match self.inner.recv_from(&mut self.buffer, flags) {
            Ok((size, from)) if from.port_number() == 0 && size == self.buffer.len() => {
                self.tap.see(Direction::Received, &self.buffer);
                // The address has no bit for groups above 32: see `Socket::join`.
                Ok(lowest(from.multicast_groups()))
            }
            Ok((size, from)) => Err(NoDatagram::Unusable(size, from.port_number())),
            Err(error) => Err(NoDatagram::Failed(error)),
        }
    }

    /// The same for a socket that has been in a group above 32. The sender's address has no bit for such groups.
    #[inline(never)]
    fn named_datagram(&mut self) -> Result<Option<u32>, NoDatagram> {
        let bytes = self.named.get_or_insert_default();
        bytes.resize(self.buffer.capacity(), 0);
        let mut control = nix::cmsg_space!([u64; 8]);
        let mut parts = [IoSliceMut::new(bytes)];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        let received = recvmsg::<NetlinkAddr>(
            self.inner.as_raw_fd(),
            &mut parts,
            Some(&mut control),
            flags,
        )
        .map_err(|error| NoDatagram::Failed(error.into()))?;
        let (size, port) = (
            received.bytes,
            received.address.map_or(0, |from| from.pid()),
        );
        let group = received
            .cmsgs()
            .ok()
            .and_then(|mut all| all.find_map(group_of));
        let Some(datagram) = bytes.get(..size).filter(|_| port == 0) else {
            return Err(NoDatagram::Unusable(size, port));
        };
        self.buffer.clear();
        self.buffer.extend_from_slice(datagram);
        self.tap.see(Direction::Received, &self.buffer);
        Ok(group.filter(|&group| group != 0))
    }

    pub(super) fn attempt(&mut self) -> Result<Attempt, Error> {
        let datagram = self.datagram();
        self.attempt_of(datagram)
    }

    /// Handles the lack of a datagram. Tries again if the reason is of no interest.
    #[inline(never)]
    pub(super) fn attempt_of(
        &mut self,
        mut datagram: Result<Option<u32>, NoDatagram>,
    ) -> Result<Attempt, Error> {
        loop {
            let why = match datagram {
                Ok(group) => return Ok(Attempt::Datagram(group)),
                Err(why) => why,
            };
            match why {
                NoDatagram::StopUnpolled => self.poll_stop()?,
                NoDatagram::Unusable(_, port) if port != 0 => {
                    self.foreign_datagrams += 1;
                    return Ok(Attempt::Foreign);
                }
                NoDatagram::Unusable(size, _) => {
                    return Ok(Attempt::Truncated(DecodeError::Truncated {
                        size,
                        // Its length may be that of an earlier datagram.
                        room: self.buffer.capacity(),
                    }));
                }
                NoDatagram::Failed(error) => match error.raw_os_error() {
                    Some(EAGAIN) => {
                        return Ok(self.drops.empty().map_or(Attempt::Empty, Attempt::Lost))
                    }
                    Some(ENOBUFS) => {
                        if let Some(number) = self.drops.overrun() {
                            return Ok(Attempt::Lost(number));
                        }
                    }
                    _ if error.kind() == io::ErrorKind::Interrupted => {}
                    _ => return Err(Error::system("receive", error)),
                },
            }
            datagram = self.datagram();
        }
    }

    /// Polls the descriptor that stops waits, for programs that receive without a pause and never wait.
    pub(crate) fn poll_stop(&mut self) -> Result<(), Error> {
        self.unpolled = 0;
        let Some(stop) = &self.stop else {
            return Ok(());
        };
        match poll(
            &mut [PollFd::new(stop, PollFlags::IN)],
            Some(&Timespec::default()),
        ) {
            Ok(1..) => Err(Error::Stopped),
            _ => Ok(()),
        }
    }

    /// Waits until something can be received. False at the deadline.
    pub(crate) fn wait_readable(&self, deadline: Option<Instant>) -> Result<bool, Error> {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let timeout = left.and_then(|left| Timespec::try_from(left).ok());
            let mut descriptors = vec![PollFd::new(&self.inner, PollFlags::IN)];
            descriptors.extend(
                self.stop
                    .as_ref()
                    .map(|stop| PollFd::new(stop, PollFlags::IN)),
            );
            match poll(&mut descriptors, timeout.as_ref()) {
                Ok(0) => return Ok(false),
                Ok(_)
                    if descriptors
                        .get(1)
                        .is_some_and(|stop| !stop.revents().is_empty()) =>
                {
                    return Err(Error::Stopped);
                }
                Ok(_) => return Ok(true),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Error::system("wait for the socket", error)),
            }
        }
    }
}

/// The lowest group of a mask of the first 32.
#[inline]
fn lowest(mask: u32) -> Option<u32> {
    (mask != 0).then(|| mask.trailing_zeros() + 1)
}

/// The group in the control message `NETLINK_PKTINFO`; 0 for none.
fn group_of(control: ControlMessageOwned) -> Option<u32> {
    const SOL_NETLINK: i32 = 270;
    const NETLINK_PKTINFO: i32 = 3;
    match control {
        ControlMessageOwned::Unknown(control)
            if control.cmsg_header.cmsg_level == SOL_NETLINK
                && control.cmsg_header.cmsg_type == NETLINK_PKTINFO =>
        {
            control
                .data_bytes
                .first_chunk()
                .copied()
                .map(u32::from_ne_bytes)
        }
        _ => None,
    }
}

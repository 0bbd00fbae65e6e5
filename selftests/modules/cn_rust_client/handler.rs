// SPDX-License-Identifier: GPL-2.0

//! The handlers, and their behaviours.

use crate::client::Client;
use connector::{Bundle, Capability, Handler, Id, Message, Outgoing, Sender};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
    time::{delay::fsleep, Delta},
};
use zerocopy_derive::Immutable;

/// The action of a handler on a message.
#[derive(Clone, Copy)]
pub(crate) enum Behaviour {
    /// Replies with the payload.
    Echo,
    /// Returns an error.
    Fail(Error),
    /// Sleeps that many milliseconds, then replies.
    Sleep(u32),
    /// Unregisters an id of the same file, maybe its own, then replies.
    Delete(Id),
    /// Takes the payload for a value of a type, see [`TestHandler::read`].
    Read(u32),
    /// Replies with the properties of the sender.
    Describe,
    /// Replies with the payload backwards, written in place.
    Reverse,
    /// Replies against the rules: `seq` one larger, `ack` unchanged.
    Raw,
    /// Replies with the payload, and waits that many milliseconds at most for room.
    Within(u32),
    /// Replies with a [`Bundle`] that has the payload in it.
    Bundle,
}

/// The reply of [`Behaviour::Describe`].
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Description {
    portid: u32,
    uid: u32,
    is_net_admin: u32,
    is_sys_admin: u32,
    socket: [u32; 2],
}

/// How many handlers are in memory.
pub(crate) static ALIVE_HANDLERS: Atomic<u32> = Atomic::new(0);
/// How often handlers were called.
pub(crate) static HANDLER_CALLS: Atomic<u32> = Atomic::new(0);

/// How often the payload of a [`Draft`] was written.
pub(crate) static DRAFTS_WRITTEN: Atomic<u32> = Atomic::new(0);

pub(crate) struct TestHandler {
    behaviour: Behaviour,
    /// The only user it wants to hear of.
    user: Option<u32>,
    client: Arc<Client>,
}

impl TestHandler {
    pub(crate) fn new(
        behaviour: Behaviour,
        user: Option<u32>,
        client: Arc<Client>,
    ) -> Result<Arc<Self>> {
        let handler = Self {
            behaviour,
            user,
            client,
        };
        // Without memory it is dropped, too.
        ALIVE_HANDLERS.add(1u32, Relaxed);
        Ok(Arc::new(handler, GFP_KERNEL)?)
    }

    /// Replies with a value from the payload.
    fn read(&self, how: u32, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        match how {
            0 => {
                let [first, second] = *message.payload_as::<[u32; 2]>()?;
                sender.reply(message, &[second, first])
            }
            1 => {
                let (_, rest) = message.payload_prefix::<u32>()?;
                sender.reply(message, rest)
            }
            2 => sender.reply(message, &message.read_payload::<u64>()?.wrapping_add(1)),
            _ => Err(EINVAL),
        }
    }

    fn describe(sender: &Sender<'_>) -> Description {
        let socket = sender.socket().number();
        Description {
            portid: sender.portid(),
            uid: sender.uid(),
            is_net_admin: sender.capable(Capability::NET_ADMIN).into(),
            is_sys_admin: sender.capable(Capability::SYS_ADMIN).into(),
            socket: [socket as u32, (socket >> 32) as u32],
        }
    }
}

impl Drop for TestHandler {
    fn drop(&mut self) {
        ALIVE_HANDLERS.fetch_sub(1u32, Relaxed);
    }
}

impl Handler for TestHandler {
    fn receive(&self, message: &Message<'_>, sender: &Sender<'_>) -> Result {
        HANDLER_CALLS.add(1u32, Relaxed);
        match self.behaviour {
            Behaviour::Echo => (),
            Behaviour::Fail(error) => return Err(error),
            Behaviour::Sleep(milliseconds) => fsleep(Delta::from_millis(milliseconds.into())),
            Behaviour::Delete(id) => self.client.delete(id)?,
            Behaviour::Read(how) => return self.read(how, message, sender),
            Behaviour::Describe => return sender.reply(message, &Self::describe(sender)),
            Behaviour::Reverse => {
                let len = message.payload().len();
                return sender.reply_with(message, len as u16, |reply| {
                    for (to, from) in reply.iter_mut().zip(message.payload().iter().rev()) {
                        *to = *from;
                    }
                    Ok(len)
                });
            }
            Behaviour::Within(milliseconds) => {
                let time = Delta::from_millis(milliseconds.into());
                return sender.reply_within(message, message.payload(), time);
            }
            Behaviour::Bundle => {
                let mut bundle = Bundle::new(message.id(), message.seq(), u16::MAX, GFP_KERNEL)?;
                bundle.push(&Outgoing::reply_to(message, message.payload()))?;
                return Ok(bundle.send_to(sender.without_waiting(), GFP_KERNEL)?);
            }
            Behaviour::Raw => {
                let reply = Outgoing::new(message.id(), message.payload())
                    .seq(message.seq().wrapping_add(1))
                    .ack(message.ack())
                    .flags(message.flags());
                return Ok(sender.reply_raw(&reply)?);
            }
        }
        sender.reply(message, message.payload())
    }

    fn permits(&self, sender: &Sender<'_>) -> bool {
        self.user.is_none_or(|user| user == sender.uid())
    }
}
